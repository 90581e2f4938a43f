"""The only SQL about `replay_guards`."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import exists, false, literal, select
from sqlalchemy.orm import Session

from idp.database import upsert
from idp.deps import Deps
from idp.digests import Kind
from idp.migrations.tables import Epoch
from idp.oidc.authentication.tables import ReplayGuard


def first_time(
    db: Session, deps: Deps, *, client_id: str, jti: str, issued_at: datetime | None, expires_at: datetime
) -> bool:
    """Whether this client shows this `jti` for the first time; of many at once, exactly one is told so.

    Another client's equal `jti` is another one (RFC 7523 3). expires_at: when it may be forgotten, aware UTC. issued_at: an
    assertion of before a restore from a backup may have been used since the backup, so it is none; where it says when.
    """
    table = ReplayGuard.__table__
    values = (
        literal(deps.digests.digest(Kind.REPLAY_GUARD, f"{client_id}\n{jti}")),
        literal(expires_at, table.c.expires_at.type),
    )
    restored_since = false() if issued_at is None else exists().where(Epoch.number > 1, Epoch.began_at > issued_at)
    statement = upsert(db, table).from_select(["digest", "expires_at"], select(*values).where(~restored_since))  # type: ignore[arg-type]
    return db.execute(statement.on_conflict_do_nothing().returning(table.c.digest)).one_or_none() is not None
