"""Throttling: attempts counted durably for an account key, a network and an agency, with growing delays, never a lock.

Owns `throttle_counters`. An attempt is counted before it is evaluated, in one statement, so that a hundred at once
are a hundred. Browsers that proved an address before are counted apart (`devices.py`). A success forgets the account's
count only: signing in to one's own account must not reset a network's. Networks and agencies are counted in memory that
workers share, where there is one (`memory.py`).
"""
