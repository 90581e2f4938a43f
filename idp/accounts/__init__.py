"""People: the provisional accounts that letters announce, the strong accounts that people make, and what joins them.

Owns `provisional_accounts`, `contracts`, `accounts` and `memberships`. A membership joins one account to one
provisional account and so to its agency, person and contracts; nothing is copied, so a later import updates what
people see, and undoing a merge is deleting a row.
"""
