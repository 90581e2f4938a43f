"""The audit trail: who did what, when, at which agency, written in the transaction of the deed. Append-only.

Owns `audit_events`. Networks are stored as keyed digests and no secret is ever a detail (CNIL 2021-122).
"""
