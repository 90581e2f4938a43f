"""Sign-ins: a row for each signed-in browser, found by the digest of its cookie; idle and absolute limits.

Owns `sessions`. A new sign-in is always a new row with a new secret, so a planted cookie is worth nothing.
"""
