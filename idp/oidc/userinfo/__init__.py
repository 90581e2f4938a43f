"""What a portal is told about a person: at the userinfo endpoint, and in an ID token that asks for it by name."""
