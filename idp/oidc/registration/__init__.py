"""Clients: what each registered, its secrets and keys, and what may be registered at all.

metadata.py  the frozen Client, the only list of fields   fields.py  their kinds, for documents, files and options
rules.py  what may be registered   uris.py  addresses   jwks.py  key sets   (pure)
document.py  the JSON of RFC 7591   statements.py  what a trusted issuer vouches for in it
steps.py  software registers and manages itself   views.py  HTTP
clients.py, client_keys.py, secrets.py  what the endpoints ask: a client, its keys, its secrets
store.py  owns `clients`, `client_secrets`, `initial_access_tokens`
"""
