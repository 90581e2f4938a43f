"""The authorization endpoint: checks in order, the pending request, and the one answer.

Owns `authorization_requests` and `authorization_codes`.
"""
