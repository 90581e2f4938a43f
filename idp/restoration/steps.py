"""What is done after a restore, and the question that every program asks when it starts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from idp.accounts import admin
from idp.accounts.addresses import key as email_key
from idp.database import reading, transaction
from idp.deps import Deps
from idp.restoration import store
from idp.rights import steps as rights

_CHANGED_PASSWORD = ("profile.password-changed", "reset.completed")


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


def restore(deps: Deps) -> int:
    """Begin the next epoch, or go on with one that was interrupted; returns its number. Nothing serves until `settle`."""
    with transaction() as db:
        epoch = store.newest(db)
        if epoch is not None and epoch.settled_at is None:
            return epoch.number
        number = 2 if epoch is None else epoch.number + 1  # the first one is no restore
        store.begin(db, number, place=store.place(db), now=deps.now(), settled=False)
        return number


def void(deps: Deps) -> Iterator[tuple[str, int]]:
    """End everything that the backup may not know the end of; yields what, and how many."""
    yield from store.void(now=deps.now())


@dataclass(frozen=True)
class Lost:
    """A deed of after the backup, as `idp audit export` told it. repeated: it was done again here."""

    at: str
    name: str
    subject: str | None
    details: dict[str, Any]
    repeated: bool


def repeat(deps: Deps, events: Iterable[dict[str, Any]], *, since: datetime) -> Iterator[Lost]:
    """Do again what closes something, from the exported audit trail of after the backup; yields what operators did.

    Changed passwords: the one of before was perhaps in strange hands, so it is void, and the person chooses a new one.
    Accounts that were closed or erased are closed or erased again. Everything else that an operator did (a key that
    leaked, a portal's secret) is told, to be done by hand.
    """
    for event in events:
        if datetime.fromisoformat(event["at"]) <= since:
            continue
        with transaction() as db:
            done = _repeat(db, deps, event)
        if done or event["name"].startswith("cli."):
            yield Lost(event["at"], event["name"], event["subject"], event["details"], done)


def _repeat(db: Session, deps: Deps, event: dict[str, Any]) -> bool:
    account = admin.account(db, account_id=event["subject"]) if event["subject"] else None
    if account is None:
        return False
    if event["name"] in _CHANGED_PASSWORD:
        return store.void_password(db, account.id, changed_at=datetime.fromisoformat(event["at"]))
    if event["name"] == "cli.account-disabled":
        return rights.disable(db, deps, account.id)
    if event["name"] == "cli.account-enabled":
        return rights.enable(db, deps, account.id)
    if event["name"] == "cli.account-erased":
        key = email_key(account.email) if account.email else ""
        return rights.erase(db, deps, rights.person_of(db, deps, account_id=account.id, email_key=key)) is not None
    return False


def settle(deps: Deps, number: int) -> None:
    """Everything is void: programs may serve again."""
    with transaction() as db:
        store.settle(db, number, now=deps.now())
