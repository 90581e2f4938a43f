"""Mon compte immobilier: the identity provider of French property-management extranets.

Read in this order: `journey.py` (every edge between flows, on one screen), `app.py` (what is put together),
then the folder of what you look for: `login/ upgrade/ merge/ reset/ profile/` are what a person does, `oidc/` is what
a portal does, the other folders are things that exist (agencies, accounts, passwords, sessions, mail …).
"""
