"""Reset: a forgotten password, replaced by a link to the account's address (source, section IV a).

Owns `reset_flows`. A row is made for every request, known address or not, so that both look and last the same.
"""
