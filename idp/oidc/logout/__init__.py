"""Signing out: here by the person's button, or asked for by a portal, and telling the portals that it happened.

OpenID Connect RP-Initiated Logout 1.0 (`flow.py`, `steps.py`, `views.py`), Back-Channel Logout 1.0 (`notices.py`,
`sender.py`), Front-Channel Logout 1.0 (`frames.py`), Session Management 1.0 (`state.py`). Owns `logout_notices`.
"""
