"""Every SQL statement about sign-ins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, String, bindparam, case, func, null, select, update
from sqlalchemy.orm import Session

from idp.accounts.roles import AccountState
from idp.accounts.tables import Account
from idp.database import Executor, Utc, table_of
from idp.deps import Deps
from idp.digests import Kind
from idp.sessions.tables import BrowserSession
from idp.statements import Statement

# Writing the moment of every page view would make each read a write; five minutes is exact enough for a limit of hours.
_SEEN_EVERY = timedelta(minutes=5)
_DOUBLE_CLICK = timedelta(seconds=10)


@dataclass(frozen=True)
class SignedIn:
    """A live sign-in: which person, since when (`auth_time` of tokens); `sid` survives signing in again."""

    id: str
    sid: str
    account_id: str
    email: str
    authenticated_at: datetime
    last_seen_at: datetime


def start(db: Executor, deps: Deps, *, account_id: str, email: str, browser_digest: str, token: str) -> SignedIn:
    """Record that somebody signed in at a browser, under a fresh secret. email: of the account.

    token: the cookie's new value, stored as a digest. The secrets before are worthless from now on (ASVS 7.2.4), but
    for those of the last seconds: of a double click on "Connexion" either answer may reach the browser last, and a
    cookie that fits no row would send the person round in circles (ZITADEL 12656).
    The same person again keeps the `sid` that portals know; somebody else's sign-in at this browser ends.
    """
    now, session_id = deps.now(), deps.new_id()
    of_present = {"b_browser": browser_digest, "b_account": account_id, "b_now": now}
    new = {
        "b_id": session_id,
        "b_digest": deps.digests.digest(Kind.SESSION, token),
        "b_expires_at": now + timedelta(days=deps.settings.session_absolute_days),
    }
    started = _START.row(db, {**of_present, **new})
    assert started is not None
    # On both sides: a clock that went back left sign-ins that lie ahead, which are no double click.
    _END_OUTDATED.run(db, {**of_present, "b_from": now - _DOUBLE_CLICK, "b_until": now + _DOUBLE_CLICK})
    return SignedIn(session_id, started[0], account_id, email, authenticated_at=now, last_seen_at=now)


_TABLE = table_of(BrowserSession)
_ACCOUNT = bindparam("b_account", type_=String)
_NOW = bindparam("b_now", type_=Utc())
_PRESENT = (_TABLE.c.browser_digest == bindparam("b_browser"), _TABLE.c.ended_at.is_(None))
_SAME = (
    select(_TABLE.c.sid)
    .where(*_PRESENT, _TABLE.c.account_id == _ACCOUNT, _TABLE.c.expires_at > _NOW)
    .order_by(_TABLE.c.authenticated_at.desc())
    .limit(1)
    .scalar_subquery()
)
_ID = bindparam("b_id", type_=String)
_START = Statement(
    _TABLE.insert()
    .values(
        id=_ID,
        sid=func.coalesce(_SAME, _ID),
        digest=bindparam("b_digest"),
        account_id=_ACCOUNT,
        browser_digest=bindparam("b_browser"),
        authenticated_at=_NOW,
        last_seen_at=_NOW,
        expires_at=bindparam("b_expires_at"),
    )
    .returning(_TABLE.c.sid)
)
# The one that was just started is neither.
_OUTDATED = (_TABLE.c.account_id != _ACCOUNT) | ~_TABLE.c.authenticated_at.between(
    bindparam("b_from"), bindparam("b_until")
)
# Of the same person nothing has ended that anybody must hear of: the sign-in goes on under its new secret.
_END_OUTDATED = Statement(
    _TABLE.update()
    .where(*_PRESENT, _OUTDATED)
    .values(ended_at=_NOW, announced_at=case((_TABLE.c.account_id == _ACCOUNT, _NOW), else_=null()))
)


# What makes a sign-in live, of the secret that a browser presents.
_LIVE: tuple[ColumnElement[bool], ...] = (
    BrowserSession.digest == bindparam("digest"),
    BrowserSession.ended_at.is_(None),
    BrowserSession.expires_at > bindparam("now"),
    BrowserSession.last_seen_at > bindparam("seen_since"),
    Account.state == AccountState.ACTIVE,
)
_FIND = Statement(
    select(
        BrowserSession.id,
        BrowserSession.sid,
        BrowserSession.account_id,
        Account.email,
        BrowserSession.authenticated_at,
        BrowserSession.last_seen_at,
    )
    .join(Account, Account.id == BrowserSession.account_id)
    .where(*_LIVE)
)
# For a statement that goes on from a live sign-in, which is held until that is done; its values are those of `in_use`.
IN_USE = (
    select(BrowserSession.sid, BrowserSession.account_id, BrowserSession.authenticated_at)
    .join(Account, Account.id == BrowserSession.account_id)
    .where(*_LIVE)
    .with_for_update(read=True, of=BrowserSession)
    .subquery()
)
# The same for a sign-in that was looked at, by its `sid`: that it lasts.
LASTING = (
    select(BrowserSession.id)
    .where(BrowserSession.sid == bindparam("sid"), BrowserSession.ended_at.is_(None))
    .limit(1)
    .with_for_update(read=True)
    .subquery("lasting")
)


def find(db: Executor, deps: Deps, token: str) -> SignedIn | None:
    """The live sign-in of a cookie's value; None when there is none, it ended, or the account is closed."""
    idle = timedelta(hours=deps.settings.session_idle_hours)
    row = _FIND.row(db, _presented(deps, token, now=deps.now(), within=idle))
    return None if row is None else SignedIn(*row)


def in_use(deps: Deps, token: str) -> dict[str, Any]:
    """The values of `IN_USE`, for a cookie's value: a live sign-in that is not stale, so that nothing is to be written."""
    return _presented(deps, token, now=deps.now(), within=_SEEN_EVERY)


def _presented(deps: Deps, token: str, *, now: datetime, within: timedelta) -> dict[str, Any]:
    return {"digest": deps.digests.digest(Kind.SESSION, token), "now": now, "seen_since": now - within}


def stale(signed_in: SignedIn, *, now: datetime) -> bool:
    """Whether the stored moment of last use is old enough to be written anew."""
    return now - signed_in.last_seen_at > _SEEN_EVERY


def touch(db: Executor, session_id: str, *, now: datetime) -> None:
    _TOUCH.run(db, {"b_id": session_id, "b_now": now})


_TOUCH = Statement(_TABLE.update().where(_TABLE.c.id == _ID).values(last_seen_at=_NOW))


def end(db: Session, sid: str, *, now: datetime) -> None:
    """Sign out: every secret of the sign-in is worthless from now on."""
    db.execute(
        update(BrowserSession).where(BrowserSession.sid == sid, BrowserSession.ended_at.is_(None)).values(ended_at=now)
    )


def end_all(db: Session, account_id: str, *, now: datetime, except_sid: str | None = None) -> None:
    """End every sign-in of an account, or every other one."""
    statement = update(BrowserSession).where(BrowserSession.account_id == account_id, BrowserSession.ended_at.is_(None))
    if except_sid is not None:
        statement = statement.where(BrowserSession.sid != except_sid)
    db.execute(statement.values(ended_at=now))


def end_some(db: Session, *, before: datetime, after: str, now: datetime, limit: int) -> dict[str, str]:
    """End the next sign-ins of before an instant, whosever, in the order of their ids, after the id `after`.

    Returns the `sid` of each row by its id; a sign-in has several rows for some seconds.
    """
    some = (
        select(BrowserSession.id)
        .where(BrowserSession.id > after, BrowserSession.ended_at.is_(None), BrowserSession.authenticated_at <= before)
        .order_by(BrowserSession.id)
        .limit(limit)
        .with_for_update()
    )
    statement = update(BrowserSession).where(BrowserSession.id.in_(some)).values(ended_at=now)
    statement = statement.returning(BrowserSession.id, BrowserSession.sid)
    return {row.id: row.sid for row in db.execute(statement.execution_options(synchronize_session=False))}


@dataclass(frozen=True)
class Ended:
    """A sign-in that is over."""

    sid: str
    account_id: str


_UNANNOUNCED = (BrowserSession.ended_at.is_not(None), BrowserSession.announced_at.is_(None))


def some_unannounced(db: Session) -> bool:
    """Whether a sign-in ended that was not announced yet."""
    return db.execute(select(BrowserSession.id).where(*_UNANNOUNCED).limit(1)).first() is not None


def announce(db: Session, *, now: datetime, limit: int) -> list[Ended]:
    """Take sign-ins that ended, oldest first, to tell of them in this transaction; each is given to one caller, once.

    However they ended: signed out, another person signed in here, a password was changed, an operator ended them.
    """
    some = (
        select(BrowserSession.id)
        .where(*_UNANNOUNCED)
        .order_by(BrowserSession.ended_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = db.execute(
        update(BrowserSession)
        .where(BrowserSession.id.in_(some))
        .values(announced_at=now)
        .returning(BrowserSession.sid, BrowserSession.account_id)
        .execution_options(synchronize_session=False)
    ).all()
    return [Ended(sid, account_id) for sid, account_id in dict.fromkeys(tuple(row) for row in rows)]


def ended_here(db: Session, sid: str, *, browser_digest: str, since: datetime) -> bool:
    """Whether a sign-in ended at this browser a moment ago."""
    statement = select(BrowserSession.id).where(
        BrowserSession.sid == sid, BrowserSession.browser_digest == browser_digest, BrowserSession.ended_at >= since
    )
    return db.execute(statement.limit(1)).first() is not None


def renew(db: Session, deps: Deps, session_id: str, *, token: str) -> None:
    """Give a sign-in a fresh secret, after a change of privilege (ASVS 7.2.4); its `sid` stays."""
    db.execute(
        update(BrowserSession)
        .where(BrowserSession.id == session_id)
        .values(digest=deps.digests.digest(Kind.SESSION, token))
    )
