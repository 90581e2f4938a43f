"""Every SQL statement about grants."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Subquery, bindparam, or_, select, update
from sqlalchemy.orm import Session

from idp.database import Executor, changed, table_of
from idp.grants.tables import Grant
from idp.sessions.store import IN_USE, LASTING, SignedIn
from idp.statements import Guarded, Rows


@dataclass(frozen=True)
class NewGrant:
    """What is authorised to a client. scope: space-separated; agency_id: the agency asked for.

    claims and resources: as in the table, None where nothing was asked.
    """

    id: str
    client_id: str
    agency_id: str | None
    scope: str
    created_at: datetime
    expires_at: datetime
    claims: dict[str, Any] | None = None
    resources: list[str] | None = None


def create(db: Executor, grant: NewGrant, signed_in: SignedIn, *, adding: Rows) -> bool:
    """Add a grant of a sign-in that lasts, and rows; False, and nothing added, when the sign-in ended meanwhile.

    The sign-in is held until the transaction ends: a sign-out either comes first, and nothing is granted, or waits and
    then voids the grant. Between reading the sign-in and granting there would be room for a grant that nobody ends.
    """
    return _OF_SIGN_IN.won(db, vars(grant) | {name: getattr(signed_in, name) for name in _WHOSE}, adding)


def row(grant: NewGrant, signed_in: SignedIn) -> Rows:
    """The grant itself, to be added by a statement that holds the sign-in (`sessions.LASTING`)."""
    return {_TABLE: {**vars(grant), **{name: getattr(signed_in, name) for name in _WHOSE}, "revoked_at": None}}


def create_at_sight(db: Executor, grant: NewGrant, in_use: Mapping[str, Any], *, adding: Rows) -> bool:
    """The same for whichever live sign-in a browser presents (`sessions.in_use`), in the statement that finds it.

    False says only that somebody must look: there is none, or its last use is to be written.
    """
    return _OF_PRESENTED.won(db, {**vars(grant), **in_use}, adding)


_GIVEN = [field.name for field in fields(NewGrant)]
_WHOSE = ["sid", "account_id", "authenticated_at"]
_TABLE = table_of(Grant)


def _parameters(names: Iterable[str]) -> list[ColumnElement[Any]]:
    return [bindparam(name, type_=_TABLE.c[name].type) for name in names]


def _creating(whose: Sequence[ColumnElement[Any]], sign_in: Subquery) -> Guarded:
    """whose: the account and the sign-in, in the order of their names."""
    granted = select(*_parameters(_GIVEN), *whose).select_from(sign_in)
    return Guarded(_TABLE.insert().from_select(_GIVEN + _WHOSE, granted))


_OF_SIGN_IN = _creating(_parameters(_WHOSE), LASTING)
_OF_PRESENTED = _creating([IN_USE.c[name] for name in _WHOSE], IN_USE)


def revoke(db: Session, grant_id: str, *, now: datetime) -> None:
    """Void every code and token of a grant."""
    db.execute(update(Grant).where(Grant.id == grant_id, Grant.revoked_at.is_(None)).values(revoked_at=now))


def revoke_of_account(db: Session, account_id: str, *, now: datetime, except_sid: str | None = None) -> None:
    """Void everything a person's sign-ins gave to portals, or all but what the present sign-in gave."""
    statement = update(Grant).where(Grant.account_id == account_id, Grant.revoked_at.is_(None))
    if except_sid is not None:
        statement = statement.where(Grant.sid != except_sid)
    db.execute(statement.values(revoked_at=now))


def clients_of(db: Session, sids: Sequence[str]) -> list[tuple[str, str]]:
    """(sid, client id) of every portal that these sign-ins gave something to, revoked since or not."""
    rows = db.execute(select(Grant.sid, Grant.client_id).where(Grant.sid.in_(sids)).distinct())
    return [(sid, client_id) for sid, client_id in rows]


def revoke_of_client(db: Session, client_id: str, *, now: datetime) -> int:
    """Void all that people granted to a portal; returns how many grants that were."""
    statement = update(Grant).where(Grant.client_id == client_id, Grant.revoked_at.is_(None)).values(revoked_at=now)
    return changed(db.execute(statement))


def revoke_of_account_at(db: Session, *, account_id: str, client_id: str, now: datetime) -> None:
    """Void everything that a person gave to one portal."""
    theirs = (Grant.account_id == account_id, Grant.client_id == client_id, Grant.revoked_at.is_(None))
    db.execute(update(Grant).where(*theirs).values(revoked_at=now))


def revoke_some(db: Session, *, before: datetime, after: str, now: datetime, limit: int) -> list[str]:
    """Void the next grants of sign-ins of before an instant, whosever, in the order of their ids; returns these."""
    some = (
        select(Grant.id)
        .where(Grant.id > after, Grant.revoked_at.is_(None), Grant.authenticated_at <= before)
        .order_by(Grant.id)
        .limit(limit)
        .with_for_update()
    )
    statement = update(Grant).where(Grant.id.in_(some)).values(revoked_at=now).returning(Grant.id)
    return list(db.scalars(statement.execution_options(synchronize_session=False)))


def revoke_of_sign_in(db: Session, sid: str, *, now: datetime) -> None:
    """A sign-out voids what the sign-in gave, except where access was asked to outlive it (OIDC Core 11)."""
    revoke_of_sign_ins(db, [sid], now=now)


def revoke_of_sign_ins(db: Session, sids: Collection[str], *, now: datetime) -> None:
    """The same for several at once."""
    outlives = or_(Grant.scope.like("% offline_access %"), Grant.scope.like("offline_access %"))
    outlives = or_(outlives, Grant.scope.like("% offline_access"), Grant.scope == "offline_access")
    db.execute(update(Grant).where(Grant.sid.in_(sids), Grant.revoked_at.is_(None), ~outlives).values(revoked_at=now))
