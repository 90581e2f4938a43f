"""Terms of use and privacy policy: immutable versions, and who accepted which, when.

Owns `terms` and `terms_acceptances`.
"""
