"""Codes and refresh tokens that are spent by the statement that finds them."""
