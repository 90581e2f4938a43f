"""The OpenID provider: what a portal asks of us.

`authorize/` decides and answers authorization requests, `token/` everything a portal's server calls, `registration/`
owns the portals, `keys/` the signing keys, `logout/` the end. `server.py` is the only module that imports Authlib.
"""
