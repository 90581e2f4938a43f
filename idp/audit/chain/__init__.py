"""The chain over the audit trail (decision 0013). Owns `audit_links` and `audit_anchors`."""
