"""Found, checked, spent, replaced and told of: one statement, on PostgreSQL, for what portals send most.

A code that comes with its redirect URI and its verifier, or a refresh token with nothing narrower asked for: all that is
checked of them is an equality, so the database checks it where it spends. Nothing is decided here that the longer way does
not decide as well: None means only that somebody must look, who then says what is wrong (`token/steps.py`), and a
request that is refused has spent nothing. SQLite, which tells nothing of a change within WITH, goes the longer way always.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Interval,
    String,
    Table,
    bindparam,
    cast,
    func,
    literal,
    null,
    select,
)

from idp import patience
from idp.accounts.roles import AccountState
from idp.accounts.tables import Account
from idp.database import Utc
from idp.grants.tables import Grant
from idp.oidc.token.store import CODES, GRANTED, REFRESHES, Bought, Code, Refresh, gather, with_grant
from idp.statements import Row, Statement

_NOW: ColumnElement[datetime] = bindparam("b_now", type_=Utc())
_NEXT: ColumnElement[str] = cast(bindparam("b_next"), String)
# Of the rule in `token/steps.py: _refresh_row`: a family's absolute end, or a long silence.
_EXPIRES = func.least(
    bindparam("b_idle_until", type_=Utc()), Grant.created_at + bindparam("b_absolute", type_=Interval())
)


@dataclass(frozen=True)
class Next:
    """The refresh token that follows. It lives until `idle_until`, and no longer than `absolute` after its grant was made."""

    token: str = field(repr=False)
    digest: str
    idle_until: datetime
    absolute: timedelta


def possible(db: Connection) -> bool:
    """Whether the database can."""
    return db.dialect.name == "postgresql"


def _spending(
    table: Table, spent: str, *, told: Sequence[str], checked: Sequence[ColumnElement[bool]], when: ColumnElement[bool]
) -> Statement:
    """spent: the column that says so. told: other columns of the row. when: a refresh token is added."""
    won = (
        table.update()
        .where(
            table.c.digest == bindparam("b_digest"),
            table.c[spent].is_(None),
            table.c.expires_at > _NOW,
            Grant.id == table.c.grant_id,
            Grant.client_id == bindparam("b_client"),
            Grant.revoked_at.is_(None),
            Grant.expires_at > _NOW,
            Account.id == Grant.account_id,
            Account.state == AccountState.ACTIVE,
            *checked,
        )
        .values({spent: _NOW})
        .returning(table.c.grant_id, *(table.c[name] for name in told))
        .cte("won")
    )
    row = select(_NEXT, won.c.grant_id, _NOW, _EXPIRES, null()).join(Grant, Grant.id == won.c.grant_id).where(when)
    added = (
        REFRESHES.insert()
        .from_select(["digest", "grant_id", "created_at", "expires_at", "rotated_at"], row)
        .returning(REFRESHES.c.digest)
        .cte("added")
    )
    columns: Sequence[Any] = (select(added.c.digest).scalar_subquery(), *(won.c[name] for name in told), *GRANTED)
    return Statement(with_grant(select(*columns).select_from(won).join(Grant, Grant.id == won.c.grant_id)))


_CODE = _spending(
    CODES,
    "consumed_at",
    told=("nonce", "expires_at"),
    checked=(
        CODES.c.redirect_uri == bindparam("b_redirect_uri"),
        CODES.c.code_challenge == bindparam("b_challenge"),
    ),
    when=_NEXT.is_not(None) & (literal("offline_access") == func.any(func.string_to_array(Grant.scope, " "))),
)
_REFRESH = _spending(REFRESHES, "rotated_at", told=("expires_at",), checked=(), when=_NEXT.is_not(None))


def code(
    db: Connection,
    digest: str,
    *,
    client_id: str,
    redirect_uri: str,
    challenge: str,
    next_one: Next | None,
    now: datetime,
) -> Code | None:
    """Spend a code that fits all this, for one caller ever.

    next_one: added where the scope has `offline_access`; None for a client that gets none.
    """
    values = {"b_redirect_uri": redirect_uri, "b_challenge": challenge}
    rows = _won(_CODE, db, digest, client_id, values, next_one, now=now)
    if not rows:
        return None
    added, nonce, expires_at = rows[0][:3]
    bought = Bought(next_one.token if next_one is not None and added is not None else None)
    granted = gather(rows, skip=3, now=now)
    return Code(digest, redirect_uri, challenge, nonce, expires_at, consumed=True, granted=granted, bought=bought)


def refresh_token(db: Connection, digest: str, *, client_id: str, next_one: Next, now: datetime) -> Refresh | None:
    """Replace the newest refresh token of a family by the next one, for one caller ever."""
    rows = _won(_REFRESH, db, digest, client_id, {}, next_one, now=now)
    if not rows:
        return None
    return Refresh(digest, rows[0][1], now, gather(rows, skip=2, now=now), bought=Bought(next_one.token))


def _won(
    statement: Statement,
    db: Connection,
    digest: str,
    client_id: str,
    values: Mapping[str, Any],
    next_one: Next | None,
    *,
    now: datetime,
) -> Sequence[Row]:
    given = {
        **values,
        "b_digest": digest,
        "b_client": client_id,
        "b_now": now,
        "b_next": next_one and next_one.digest,
        "b_idle_until": next_one and next_one.idle_until,
        "b_absolute": next_one and next_one.absolute,
    }
    rows = statement.rows(db, given)
    if rows:
        patience.committed()
    return rows
