"""Access tokens that are rows."""
