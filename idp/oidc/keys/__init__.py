"""Signing keys: made here, encrypted at rest, published before they sign and until the last token they signed is dead.

Owns `signing_keys`. Parsed once a process: parsing an RSA key costs a hundred signatures.
"""
