"""Every SQL statement about authorization requests and codes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, exists, select, update
from sqlalchemy.orm import Session

from idp.database import Executor, changed, table_of
from idp.oidc.authorize.flow import Request
from idp.oidc.authorize.tables import AuthorizationCode, AuthorizationRequest
from idp.sessions.store import LASTING
from idp.statements import Guarded, Rows, Statement, add_to

_CODES, _REQUESTS = table_of(AuthorizationCode), table_of(AuthorizationRequest)
_ADD = add_to(_REQUESTS)
_LOAD = Statement(
    select(
        _REQUESTS.c.id,
        _REQUESTS.c.browser_digest,
        _REQUESTS.c.parameters,
        _REQUESTS.c.created_at,
        _REQUESTS.c.expires_at,
        _REQUESTS.c.answered_at,
    ).where(_REQUESTS.c.id == bindparam("id"))
)
_FORGET = Guarded(
    _REQUESTS.delete().where(_REQUESTS.c.id == bindparam("b_id"), _REQUESTS.c.expires_at <= bindparam("b_now"))
)
_ANSWERED = (
    _REQUESTS.update()
    .where(_REQUESTS.c.id == bindparam("b_id"), _REQUESTS.c.answered_at.is_(None))
    .values(answered_at=bindparam("b_now"))
)
_ANSWER = Statement(_ANSWERED)
_GRANT = Guarded(_ANSWERED.where(exists(select(LASTING.c.id))))


@dataclass(frozen=True)
class Waiting:
    """A pending authorization. browser_digest: empty until a browser has come for it (a POSTed request)."""

    id: str
    browser_digest: str
    request: Request
    created_at: datetime
    expires_at: datetime
    answered_at: datetime | None


def add(db: Executor, waiting: Waiting) -> None:
    row = {
        "id": waiting.id,
        "client_id": waiting.request.client_id,
        "agency_id": waiting.request.agency_id,
        "browser_digest": waiting.browser_digest,
        "parameters": waiting.request.stored(),
        "created_at": waiting.created_at,
        "expires_at": waiting.expires_at,
        "answered_at": None,
    }
    _ADD.run(db, row)


def load(db: Executor, authorization_id: str, *, now: datetime) -> Waiting | None:
    """A pending authorization that has not expired, answered ones too; within what may write.

    One that has expired is deleted: a clock that goes back does not revive what was seen to be over (decision 44).
    """
    row = _LOAD.row(db, {"id": authorization_id})
    if row is None:
        return None
    id_, browser_digest, parameters, created_at, expires_at, answered_at = row
    if expires_at <= now:
        _FORGET.won(db, {"b_id": authorization_id, "b_now": now}, {})
        return None
    return Waiting(id_, browser_digest, Request.restored(parameters), created_at, expires_at, answered_at)


def claim(db: Session, authorization_id: str, *, browser_digest: str, expires_at: datetime) -> bool:
    """Bind a POSTed or pushed request to the first browser that comes for it; exactly one ever succeeds."""
    statement = (
        update(AuthorizationRequest)
        .where(AuthorizationRequest.id == authorization_id, AuthorizationRequest.browser_digest == "")
        .values(browser_digest=browser_digest, expires_at=expires_at)
    )
    return changed(db.execute(statement)) == 1


def keep(db: Session, authorization_id: str, request: Request) -> None:
    """Store what became of an unanswered request's question."""
    db.execute(
        update(AuthorizationRequest)
        .where(AuthorizationRequest.id == authorization_id, AuthorizationRequest.answered_at.is_(None))
        .values(parameters=request.stored())
    )


def mark_answered(db: Executor, authorization_id: str, *, now: datetime) -> bool:
    """Claim the one answer; exactly one caller ever succeeds."""
    return _ANSWER.run(db, {"b_id": authorization_id, "b_now": now}) == 1


def grant(db: Executor, authorization_id: str, *, sid: str, now: datetime, adding: Rows) -> bool:
    """The same for an answer that grants something, with the rows of it, while the sign-in `sid` lasts: all or nothing."""
    return _GRANT.won(db, {"b_id": authorization_id, "sid": sid, "b_now": now}, adding)


def code_row(
    *,
    digest: str,
    grant_id: str,
    client_id: str,
    redirect_uri: str,
    code_challenge: str,
    nonce: str,
    expires_at: datetime,
) -> Rows:
    """A new code, to be added."""
    row = {
        "digest": digest,
        "grant_id": grant_id,
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "code_challenge": code_challenge or None,
        "nonce": nonce or None,
        "expires_at": expires_at,
        "consumed_at": None,
    }
    return {_CODES: row}
