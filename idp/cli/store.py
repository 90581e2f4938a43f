"""The SQL that only operators need and that belongs to no single thing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from idp.accounts.tables import ProvisionalAccount
from idp.mail.tables import OutboxMail
from idp.sessions.tables import BrowserSession
from idp.terms.tables import Terms


def live_sessions(db: Session, account_id: str, *, now: datetime) -> Sequence[BrowserSession]:
    """Sign-ins of an account that have neither ended nor reached their end, the latest first."""
    statement = select(BrowserSession).where(
        BrowserSession.account_id == account_id, BrowserSession.ended_at.is_(None), BrowserSession.expires_at > now
    )
    return db.scalars(statement.order_by(BrowserSession.authenticated_at.desc())).all()


def all_terms(db: Session) -> Sequence[Terms]:
    """Every version, newest first."""
    return db.scalars(select(Terms).order_by(Terms.version.desc())).all()


def waiting_mails(db: Session) -> tuple[int, datetime | None]:
    """How many mails wait, and since when the oldest does."""
    statement = select(func.count(), func.min(OutboxMail.created_at)).where(OutboxMail.state == "queued")
    count, oldest = db.execute(statement).one()
    return count, oldest


def waiting_letters(db: Session) -> int:
    """How many passwords made here have not left in a letters file."""
    return db.scalars(select(func.count(ProvisionalAccount.sealed_password))).one()


def database_clock(db: Session) -> datetime | None:
    """What time the database's host has; None where it is this host."""
    if db.get_bind().dialect.name != "postgresql":
        return None
    there: datetime = db.execute(text("SELECT clock_timestamp()")).scalar_one()
    return there
