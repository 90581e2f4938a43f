"""Passwords: which are good enough (`policy.py`), and how they are kept (`hashing.py`). Owns no table."""
