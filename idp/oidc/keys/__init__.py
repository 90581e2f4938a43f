"""The provider's keys: made here, sealed at rest, published before they sign and until the last token they signed is dead.

`flow.py` says what a key does when; `steps.py` makes, replaces and retires; `keyring.py` is what a process works with.
Owns `signing_keys`.
"""
