"""The only SQL about `replay_guards`."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from idp.database import upsert
from idp.deps import Deps
from idp.digests import Kind
from idp.oidc.authentication.tables import ReplayGuard


def first_time(db: Session, deps: Deps, *, client_id: str, jti: str, expires_at: datetime) -> bool:
    """Whether this client shows this `jti` for the first time; of many at once, exactly one is told so.

    Another client's equal `jti` is another one (RFC 7523 3). expires_at: when it may be forgotten, aware UTC.
    """
    digest = deps.digests.digest(Kind.REPLAY_GUARD, f"{client_id}\n{jti}")
    table = ReplayGuard.__table__
    statement = upsert(db, table).values(digest=digest, expires_at=expires_at)  # type: ignore[arg-type]
    return db.execute(statement.on_conflict_do_nothing().returning(table.c.digest)).one_or_none() is not None
