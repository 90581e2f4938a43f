"""Secrets sent by mail: links, and the codes that are typed instead. Opening one changes nothing; using one is once.

Owns `links`. Several mails may be out for one flow: each works until it expires or one of them is used.
"""
