"""Cells as they are kept: on one line, NFC, printable, spaces made single. Most lines are so already, which is seen at once."""

from __future__ import annotations

import unicodedata
from typing import NamedTuple

_INVISIBLE = ("Cc", "Cf", "Cs")  # control, format and half characters: PostgreSQL refuses some, nobody can type others


class Cells(NamedTuple):
    """The cells of a line, one for each of `sentences.FIELDS` and in their order; one that the file has not is empty."""

    customer: str = ""
    company: str = ""
    identifier: str = ""
    password: str = ""
    civility: str = ""
    last_name: str = ""
    first_name: str = ""
    company_name: str = ""
    email: str = ""
    phone: str = ""
    street: str = ""
    postal_code: str = ""
    city: str = ""
    role: str = ""
    contracts: str = ""
    mandate: str = ""

    def __repr__(self) -> str:
        return "Cells(…)"  # a password is among them


def text(cell: str) -> str:
    """The cell on one line, NFC, without control characters and halves of characters, spaces made single."""
    if cell.isascii() and cell.isprintable():
        return " ".join(cell.split())
    if not cell.isprintable():
        kept = (c for c in cell if c.isspace() or unicodedata.category(c) not in _INVISIBLE)
        cell = "".join(" " if c.isspace() else c for c in kept)
    return " ".join(unicodedata.normalize("NFC", cell).split())


def is_tidy(line: str) -> bool:
    """Whether `text` would do no more to any piece of the line than take spaces off its ends: a look instead of sixteen.

    A piece of NFC is NFC (UAX 15), and printable characters have no white space among them besides the space.
    """
    return line.isprintable() and "  " not in line and (line.isascii() or unicodedata.is_normalized("NFC", line))
