"""What is done after a restore."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from idp.accounts import admin
from idp.accounts.addresses import key as email_key
from idp.database import transaction
from idp.deps import Deps
from idp.restoration import store
from idp.restoration.epochs import store as epochs
from idp.rights import steps as rights

_CHANGED_PASSWORD = ("profile.password-changed", "reset.completed")


def restore(deps: Deps) -> int:
    """Begin the next epoch, or go on with one that was interrupted; returns its number. Nothing serves until `settle`."""
    with transaction() as db:
        epoch = epochs.newest(db)
        if epoch is not None and epoch.settled_at is None:
            return epoch.number
        number = 2 if epoch is None else epoch.number + 1  # the first one is no restore
        epochs.begin(db, number, place=epochs.place(db), now=deps.now(), settled=False)
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
        epochs.settle(db, number, now=deps.now())
