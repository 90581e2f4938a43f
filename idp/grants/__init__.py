"""Grants: what a person's sign-in gave to one portal. Every code and token belongs to one; revoking it revokes them.

Owns `grants`. It stands below the flows because a reset, a change of password and a sign-out all end grants.
"""
