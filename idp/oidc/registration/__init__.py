"""Portals: the OAuth clients, their secrets and what each of them may do.

Owns `clients` and `client_secrets`. `rules.py` says what may be registered.
"""
