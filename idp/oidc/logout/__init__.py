"""Signing out: here by the person's button, or asked for by a portal (OpenID Connect RP-Initiated Logout 1.0).

Owns no table. Ends the browser's sign-in and what it gave to portals.
"""
