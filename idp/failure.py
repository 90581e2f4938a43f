"""What a failure is: its number, HTTP status, words, where it is told, and the ways on that its page offers."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar


class Channel(StrEnum):
    """Where a failure is told."""

    FIELD = "field"  # the form again, filled, with the words by the field
    PAGE = "page"  # a page of its own, with a way on


class Way(StrEnum):
    """A way on, which the page of a failure offers; the first one is its button."""

    PORTAL = "portal"  # back to the agency's portal, where there is one
    SIGN_IN = "sign-in"
    LETTER = "letter"  # the page of the provisional credentials
    RESET = "reset"  # a new password by mail
    NEW_LETTER = "new-letter"  # ask the agency for one, by one click
    CODES = "codes"  # another agency
    RETRY = "retry"  # the same page again
    CALL = "call"  # the agency's telephone and address


class Kept(StrEnum):
    """Which pages of a failure become events of the audit trail, with their reference; the log has a line of each."""

    EACH = "each"  # a person met it, and a flood of it is bounded by the network it comes from
    SOME = "some"  # programs cause it by the thousand, and rushes do: bounded for all networks together as well
    NONE = "none"  # it has no page of its own, or there is no database to keep it in


class IdpError(Exception):
    """Base of the catalogue. `facts` are the values that the words may name; never a secret.

    The docstring of a class is the cause, `ways` what the person can do then; both are in docs/errors.md.
    """

    code: ClassVar[str] = "GEN-00"
    status: ClassVar[int] = 500
    text: ClassVar[str] = "errors.unexpected"
    channel: ClassVar[Channel] = Channel.PAGE
    field: ClassVar[str | None] = None
    kept: ClassVar[Kept] = Kept.EACH
    ways: ClassVar[tuple[Way, ...]] = (Way.PORTAL, Way.SIGN_IN, Way.LETTER)

    def __init__(self, **facts: Any) -> None:
        super().__init__(self.code)
        self.facts = facts


class FieldError(IdpError):
    """Base of what is told beside a field (`field` is its name in the form). The way on is the form, filled again."""

    status = 400
    kept = Kept.NONE
    channel = Channel.FIELD
