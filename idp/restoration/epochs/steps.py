"""The first epoch, the same one elsewhere, and whether a program may start."""

from __future__ import annotations

from sqlalchemy.orm import Session

from idp.database import reading, transaction
from idp.deps import Deps
from idp.restoration.epochs import store


class Unsettled(Exception):
    """The database was put back from a backup and nobody has said so yet; the message says what to do."""


def require_settled() -> None:
    """Raises Unsettled for a database that is not where it was, or whose `idp db restored` did not come to its end."""
    with reading() as db:
        here, epoch = store.place(db), store.newest(db)
    if epoch is None:
        return
    if epoch.settled_at is None:
        raise Unsettled("a restore was not settled: run `idp db restored` again")
    if here != epoch.place:
        raise Unsettled(
            "this database is a copy of another one: run `idp db restored`, or `idp db moved` if nothing is lost"
        )


def begin(deps: Deps) -> None:
    """The first epoch of a new database; nothing when there is one."""
    with transaction() as db:
        if store.newest(db) is None:
            store.begin(db, 1, place=store.place(db), now=deps.now(), settled=True)


def move(db: Session) -> None:
    """The whole database was moved, and nothing has been served from the old one since: the epoch goes on."""
    epoch = store.newest(db)
    assert epoch is not None, "every upgraded database has an epoch"
    store.move(db, epoch.number, place=store.place(db))
