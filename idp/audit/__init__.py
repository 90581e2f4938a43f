"""The audit trail: who did what, when, at which agency, written in the transaction of the deed. Append-only.

Owns `audit_events`, which writers add to without waiting for each other, and the chain of keyed hashes that a sealer
puts over them a moment later, `audit_links` (decision 0013): what is changed, removed, put in or moved is found by
`idp audit verify`. Networks are stored as keyed digests and no secret is ever a detail; after a year events go (CNIL
2021-122).
"""
