"""Every SQL statement about access tokens that are stored, for clients that registered so (`token/access_tokens.py`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select

from idp.database import Executor, table_of
from idp.oidc.token.tables import AccessToken
from idp.statements import Rows, Statement


@dataclass(frozen=True)
class Opaque:
    """An opaque access token as stored."""

    grant_id: str | None
    client_id: str
    subject: str
    scope: str
    audience: list[str]
    issued_at: datetime
    expires_at: datetime


_OPAQUES = table_of(AccessToken)
_OPAQUE = Statement(
    select(
        AccessToken.grant_id,
        AccessToken.client_id,
        AccessToken.subject,
        AccessToken.scope,
        AccessToken.audience,
        AccessToken.issued_at,
        AccessToken.expires_at,
    ).where(AccessToken.digest == bindparam("digest"), AccessToken.expires_at > bindparam("now"))
)


def row(digest: str, token: Opaque) -> Rows:
    """A new opaque access token, to be added."""
    return {_OPAQUES: {"digest": digest, **vars(token)}}


def add(db: Connection, rows: Rows) -> None:
    for table, values in rows.items():
        db.execute(table.insert(), values)


def find(db: Connection, digest: str, *, now: datetime) -> Opaque | None:
    """An opaque access token that has not expired."""
    found = _OPAQUE.row(db, {"digest": digest, "now": now})
    return None if found is None else Opaque(*found)


def revoke(db: Executor, digest: str) -> None:
    """Void one opaque token and nothing else: a client's own has no grant to revoke."""
    db.execute(delete(AccessToken).where(AccessToken.digest == digest))
