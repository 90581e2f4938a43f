"""Who the calling portal is: its secret, or a JWT that it signed (RFC 6749 2.3, RFC 7523, OIDC Core 9).

presented.py    what a request brings to prove itself; pure
assertions.py   what such a JWT must say; pure
steps.py        looks the portal up and checks the proof
store.py        each JWT is taken once; owns `replay_guards`
"""
