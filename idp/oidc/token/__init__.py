"""What a portal's server calls: the token endpoint, userinfo, introspection and revocation.

Owns `refresh_tokens`. Access tokens are signed and not stored: revoking their grant is what voids them.
"""
