"""Every SQL statement about terms."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from idp.database import upsert
from idp.terms.tables import Terms, TermsAcceptance


def current(db: Session) -> Terms | None:
    """The newest published version; None when nothing was published yet."""
    return db.scalars(select(Terms).order_by(Terms.version.desc()).limit(1)).one_or_none()


def current_id(db: Session) -> str | None:
    return db.scalars(select(Terms.id).order_by(Terms.version.desc()).limit(1)).one_or_none()


def publish(db: Session, *, terms_id: str, terms_of_use: str, privacy_policy: str, now: datetime) -> int:
    """Add a version; returns its number. Two at once collide on the number, and the second fails cleanly."""
    version = (db.scalars(select(func.max(Terms.version))).one() or 0) + 1
    db.add(
        Terms(id=terms_id, version=version, terms_of_use=terms_of_use, privacy_policy=privacy_policy, published_at=now)
    )
    db.flush()
    return version


def accept(db: Session, *, acceptance_id: str, account_id: str, terms_id: str, now: datetime) -> None:
    """Record that an account accepted a version; a second time changes nothing."""
    statement = upsert(db, TermsAcceptance.__table__).values(  # type: ignore[arg-type]
        id=acceptance_id, account_id=account_id, terms_id=terms_id, accepted_at=now
    )
    db.execute(statement.on_conflict_do_nothing(index_elements=["account_id", "terms_id"]))
