"""Consent: what a person lets an application have that is not the agencies' own.

A first-party portal never asks. For others the authorization endpoint leads here when what is asked is not covered by
what was allowed before, and decides again afterwards. Owns `consents`.
"""
