"""Every SQL statement about the chain's links and its anchor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import Row, delete, func, insert, select
from sqlalchemy.orm import Session

from idp.audit.chain import hashes
from idp.audit.chain.hashes import Place
from idp.audit.store import PAGE, later
from idp.audit.tables import AuditAnchor, AuditEvent, AuditLink
from idp.database import upsert
from idp.deps import Deps

_LOCK = 0x6964702D61756469  # "idp-audi": the advisory lock of who works at the chain, on PostgreSQL
_EVENT = (AuditEvent.id, AuditEvent.at, AuditEvent.mac, AuditLink.position)


def alone(db: Session, *, wait: bool) -> bool:
    """Whether this transaction is the only one at the chain until it ends."""
    if db.get_bind().dialect.name != "postgresql":
        return True  # SQLite has one writer at a time
    if wait:
        db.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        return True
    return bool(db.scalar(select(func.pg_try_advisory_xact_lock(_LOCK))))


def page(db: Session, *, after: tuple[datetime, str]) -> Sequence[Row[str, datetime, str, int]]:
    """The next events in the order of (at, id), with their position in the chain where they have one."""
    joined = select(*_EVENT).outerjoin(AuditLink, AuditLink.event_id == AuditEvent.id)
    return db.execute(joined.where(later(after)).order_by(AuditEvent.at, AuditEvent.id).limit(PAGE)).all()


def loose(db: Session, event_ids: Sequence[str]) -> Sequence[Row[str, datetime, str, int]]:
    """Those of these events that have no place, in the order of (at, id)."""
    joined = select(*_EVENT).outerjoin(AuditLink, AuditLink.event_id == AuditEvent.id)
    wanted = joined.where(AuditEvent.id.in_(event_ids), AuditLink.position.is_(None))
    return db.execute(wanted.order_by(AuditEvent.at, AuditEvent.id)).all()


def add(db: Session, made: Sequence[tuple[str, Place]]) -> None:
    """Give events their places."""
    rows = [
        {"position": place.position, "event_id": event_id, "sealed_at": place.sealed_at, "link": place.link}
        for event_id, place in made
    ]
    db.execute(insert(AuditLink), rows)


def head(db: Session) -> Place:
    last = db.scalars(select(AuditLink).order_by(AuditLink.position.desc()).limit(1)).first()
    return place(last if last is not None else anchor(db))


def anchor(db: Session) -> AuditAnchor | None:
    return db.get(AuditAnchor, 1)


def place(row: AuditLink | AuditAnchor | None) -> Place:
    return hashes.START if row is None else Place(row.position, row.link, row.sealed_at)


def walk(db: Session, after: int) -> Iterator[Row[AuditLink, AuditEvent | None]]:
    """The links after this position, each with its event where that is still there; page by page."""
    joined = select(AuditLink, AuditEvent).outerjoin(AuditEvent, AuditEvent.id == AuditLink.event_id)
    ordered = joined.order_by(AuditLink.position).limit(PAGE)
    while page := db.execute(ordered.where(AuditLink.position > after)).all():
        yield from page
        after = page[-1][0].position
        db.expunge_all()


def count(db: Session, *, before: datetime) -> int:
    """Events older than this."""
    return db.scalars(select(func.count()).select_from(AuditEvent).where(AuditEvent.at < before)).one()


def outlived(db: Session, before: datetime) -> list[AuditLink]:
    """The oldest links whose events are all older than that."""
    joined = select(AuditLink, AuditEvent.at).outerjoin(AuditEvent, AuditEvent.id == AuditLink.event_id)
    found: list[AuditLink] = []
    for link, at in db.execute(joined.order_by(AuditLink.position).limit(PAGE)):
        if at is None or at >= before:
            break
        found.append(link)
    return found


def unproven(db: Session, position: int) -> int:
    """How many links there are up to this place."""
    return db.scalars(select(func.count()).select_from(AuditLink).where(AuditLink.position <= position)).one()


def vouch(db: Session, deps: Deps, last: Place) -> None:
    """Let the chain begin after this place."""
    values = {
        "position": last.position,
        "link": last.link,
        "sealed_at": last.sealed_at,
        "mac": hashes.anchor_mac(deps.digests, last),
    }
    statement = upsert(db, AuditAnchor.__table__).values(id=1, **values)  # type: ignore[arg-type]
    db.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))


def forget(db: Session, deps: Deps, old: Sequence[AuditLink]) -> None:
    """Delete these, the oldest links, with their events; what is left begins after them, if it did not begin later."""
    last = place(old[-1])
    if last.position > place(anchor(db)).position:
        vouch(db, deps, last)
    for gone in (
        delete(AuditEvent).where(AuditEvent.id.in_([link.event_id for link in old])),
        delete(AuditLink).where(AuditLink.position <= last.position),
    ):
        db.execute(gone.execution_options(synchronize_session=False))
