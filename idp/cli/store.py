"""The SQL of `idp clients` that no page or endpoint needs."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from idp.database import changed
from idp.grants.tables import Grant


def revoke_grants_of(db: Session, client_id: str, *, now: datetime) -> int:
    """Void all that people granted to a portal; returns how many grants that were."""
    statement = update(Grant).where(Grant.client_id == client_id, Grant.revoked_at.is_(None)).values(revoked_at=now)
    return changed(db.execute(statement))
