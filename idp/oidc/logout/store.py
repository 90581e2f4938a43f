"""Every SQL statement about notices: what portals are to be told, by leases as mails are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.orm import Session

from idp.database import changed, upsert
from idp.deps import Deps
from idp.oidc.logout.tables import LogoutNotice


@dataclass(frozen=True)
class Notice:
    """A notice that this sender has leased. attempts: including the one to come; the fence of the lease."""

    id: str
    client_id: str
    account_id: str
    sid: str
    attempts: int
    created_at: datetime


def enqueue(db: Session, deps: Deps, *, client_id: str, account_id: str, sid: str) -> None:
    """A portal is told of a sign-in's end once, whoever says it how often."""
    now = deps.now()
    db.execute(
        upsert(db, LogoutNotice.__table__)  # type: ignore[arg-type]
        .values(
            id=deps.new_id(),
            client_id=client_id,
            account_id=account_id,
            sid=sid,
            state="queued",
            attempts=0,
            next_attempt_at=now,
            created_at=now,
        )
        .on_conflict_do_nothing()
    )


def _due(now: datetime) -> tuple[ColumnElement[bool], ...]:
    free = or_(LogoutNotice.leased_until.is_(None), LogoutNotice.leased_until < now)
    return LogoutNotice.state == "queued", LogoutNotice.next_attempt_at <= now, free


def some_due(db: Session, *, now: datetime) -> bool:
    return db.execute(select(LogoutNotice.id).where(*_due(now)).limit(1)).first() is not None


def lease(db: Session, *, now: datetime, until: datetime, limit: int) -> list[Notice]:
    """Take due notices for this sender alone; one that dies gives them back."""
    due = (
        select(LogoutNotice.id)
        .where(*_due(now))
        .order_by(LogoutNotice.next_attempt_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = db.execute(
        update(LogoutNotice)
        .where(LogoutNotice.id.in_(due))
        .values(leased_until=until, attempts=LogoutNotice.attempts + 1)
        .returning(
            LogoutNotice.id,
            LogoutNotice.client_id,
            LogoutNotice.account_id,
            LogoutNotice.sid,
            LogoutNotice.attempts,
            LogoutNotice.created_at,
        )
        .execution_options(synchronize_session=False)
    ).all()
    return sorted((Notice(*row) for row in rows), key=lambda notice: notice.id)


def told(db: Session, notice: Notice, *, now: datetime) -> None:
    _finish(db, notice, state="told", told_at=now, leased_until=None, last_answer=None)


def dead(db: Session, notice: Notice, *, answer: str) -> None:
    """Not tried again: an operator sees it."""
    _finish(db, notice, state="dead", leased_until=None, last_answer=answer)


def postponed(db: Session, notice: Notice, *, until: datetime, answer: str) -> None:
    _finish(db, notice, next_attempt_at=until, leased_until=None, last_answer=answer)


def _finish(db: Session, notice: Notice, **values: object) -> None:
    # `attempts` fences the lease: a sender that slept past it cannot overwrite what its successor recorded.
    mine = (LogoutNotice.id == notice.id) & (LogoutNotice.attempts == notice.attempts)
    db.execute(update(LogoutNotice).where(mine, LogoutNotice.state == "queued").values(**values))


def outbox(db: Session, *, state: str | None, limit: int) -> Sequence[LogoutNotice]:
    """The newest notices, for an operator."""
    statement = select(LogoutNotice).order_by(LogoutNotice.id.desc()).limit(limit)
    return db.scalars(statement if state is None else statement.where(LogoutNotice.state == state)).all()


def waiting(db: Session) -> tuple[int, datetime | None]:
    """How many portals wait to be told, and since when the longest."""
    row = db.execute(
        select(func.count(), func.min(LogoutNotice.created_at)).where(LogoutNotice.state == "queued")
    ).one()
    return row[0], row[1]


def put_back(db: Session, *, now: datetime) -> int:
    """Make every waiting and every dead notice due now, after a portal came back; returns how many."""
    statement = update(LogoutNotice).where(LogoutNotice.state.in_(("queued", "dead")))
    # As if new: else a dead one would be given up again at its first failure.
    return changed(db.execute(statement.values(state="queued", next_attempt_at=now, created_at=now)))
