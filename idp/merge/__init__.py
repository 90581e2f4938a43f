"""Merge: attach one more letter to the strong account that its address already belongs to (source, section II).

Owns `merge_flows`. Started by `idp.journey` from an upgrade flow, which holds the proof of the letter; the strong
account's password is the other proof. Equality of addresses is a reason to offer a merge, never to do one.
"""
