"""The words of the list: whose data, which rows of a table, what is shown of them, what erasure does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import ColumnElement, false

from idp.database import Model


@dataclass(frozen=True)
class Person:
    """Whose data is meant: an account with the letters it was made of, or one letter that is nobody's account.

    email_key: canonical; empty for none. address_digest: how the audit trail knows the address; empty for none.
    """

    account_id: str | None
    email_key: str
    letter_ids: tuple[str, ...]
    address_digest: str = ""


class Fate(StrEnum):
    """What erasure does to a person's rows."""

    DELETED = "deleted"
    # A tombstone: the `sub` is kept, so that it is never given to anybody else (OIDC Core 2), and nothing besides.
    TOMBSTONE = "tombstone"
    # Ended at once and deleted by the purge within two days: portals must still be told of the sign-in's end.
    ENDED = "ended"
    # Holds pseudonyms only, and has a clock of its own.
    KEPT = "kept"


Rows = Callable[[Person], ColumnElement[bool]]


def nobodys(_: Person) -> ColumnElement[bool]:
    """No row at all."""
    return false()


@dataclass(frozen=True)
class Holding:
    """One table. theirs: the rows of a person. shown: columns of the export; hidden: the others, each with the reason.

    mentions: rows of somebody else that hold the person's address, which they typed; erased with it, never shown.
    """

    table: type[Model]
    theirs: Rows
    shown: tuple[str, ...]
    hidden: Mapping[str, str]
    fate: Fate
    mentions: Rows = field(default=nobodys)

    @property
    def name(self) -> str:
        return str(self.table.__tablename__)
