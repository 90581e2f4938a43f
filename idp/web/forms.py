"""Reading forms: every value is hostile until it was read here.

A field given twice is refused rather than guessed at; control characters, which no field of ours needs and PostgreSQL
refuses (NUL), are dropped from what is shown again or looked up; passwords are taken exactly as typed.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from flask import Request

from idp.errors import MalformedRequest

PASSWORDS = frozenset(
    {"password", "provisional_password", "new_password", "confirmation", "current_password"}
)  # never shown again, never altered
_SHOWN_AGAIN = 320  # longer than any address; more is cut, and finds nobody


class Form(Mapping[str, str]):
    """The fields of a posted form; a missing field is empty text."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def __getitem__(self, name: str) -> str:
        return self._values.get(name, "")

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    @property
    def shown(self) -> dict[str, str]:
        """What may be filled in again: everything but passwords."""
        return {name: value for name, value in self._values.items() if name not in PASSWORDS}

    @property
    def version(self) -> int | None:
        """The version of the flow that the form was rendered with; None when it is missing or no number."""
        text = self["version"]
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def read(request: Request) -> Form:
    """The posted form. Raises MalformedRequest when the body is no form or gives a field twice."""
    values: dict[str, str] = {}
    for name, given in pairs(request):
        if name in values:
            raise MalformedRequest()
        values[name] = given if name in PASSWORDS else tidy(given)
    return Form(values)


def pairs(request: Request) -> list[tuple[str, str]]:
    """The fields of a posted form as sent. Raises MalformedRequest when the body is no form."""
    if request.mimetype not in ("application/x-www-form-urlencoded", "multipart/form-data"):
        raise MalformedRequest()
    return list(request.form.items(multi=True))


def tidy(text: str) -> str:
    """Text without control characters and direction overrides, cut to what a field can need."""
    text = text[:_SHOWN_AGAIN]
    if text.isprintable():  # has none of these
        return text
    return "".join(c for c in text if unicodedata.category(c) not in ("Cc", "Cs") and c not in _OVERRIDES)


_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
