"""Relying parties that come with the provider: `portal/`, the model of an agency's extranet, and `registrations/`.

Nothing here imports `idp`: a portal knows the provider by its address and by OpenID Connect alone.
"""
