"""Mail: typed messages, written to an outbox in the transaction that causes them, delivered by `sender.py`.

Owns `outbox_mails` and `mail_domains`. A mail server that is down never breaks a page and never loses a mail; a body,
which may hold a single-use link, is wiped as soon as it was accepted.
"""
