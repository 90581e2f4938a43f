"""What a sign-in form lacks, decided before anything is looked up. Pure."""

from __future__ import annotations

from idp.errors import IdentifierMissing, PasswordMissing


def require_complete(identifier: str, password: str) -> None:
    """Raises IdentifierMissing, PasswordMissing."""
    if not identifier.strip():
        raise IdentifierMissing()
    if not password:
        raise PasswordMissing()


def looks_like_a_letters(identifier: str) -> bool:
    """Whether what was typed is no address: then it may be the letter's identifier, which belongs on another page.

    Decided from the text alone, so that it tells nothing about who has an account.
    """
    return "@" not in identifier
