"""Agencies: the customers that run several companies, and how the two codes of a URL name one of them.

Owns `customers` and `agencies`. `resolve.py` alone knows the query names `client` and `societe` (source, section III).
"""
