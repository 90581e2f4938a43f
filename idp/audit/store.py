"""Writing, searching and exporting the audit trail; there is nothing here that changes or deletes an event."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime
from typing import Any, Concatenate, ParamSpec

from sqlalchemy import ColumnElement, Row, and_, or_, select
from sqlalchemy.orm import Session

from idp import correlation, metrics
from idp.audit.chain import hashes
from idp.audit.tables import AuditEvent, AuditLink
from idp.database import Executor, table_of
from idp.deps import Deps
from idp.digests import Kind
from idp.statements import Rows, add_to

PAGE = 1000


def event(
    deps: Deps,
    /,
    name: str,
    *,
    subject: str | None = None,
    agency_id: str | None = None,
    cause: str | None = None,
    network: str | None = None,
    address: str | None = None,
    **details: Any,
) -> Rows:
    """An event, to be added by the statement that is the deed.

    name: `source.deed` (`login.succeeded`, `merge.completed`). subject: account or letter id. cause: flow or request id.
    network: address of the asker; address: canonical key of the e-mail address that was typed; both stored as digests,
    so that only who has the address finds its events. details: plain values; never a secret, a name or an address.
    """
    values: dict[str, Any] = {
        "id": deps.new_id(),
        "at": deps.now(),
        "name": name,
        "subject": subject,
        "agency_id": agency_id,
        "cause": cause,
        "request": correlation.current() or None,
        "network_digest": None if network is None else deps.digests.digest(Kind.NETWORK, network)[:32],
        "address_digest": None if address is None else digest_of_address(deps, address),
        "details": details,
    }
    metrics.event(name)
    return {_EVENTS: {**values, "mac": hashes.event_mac(deps.digests, values)}}


_EVENTS = table_of(AuditEvent)
_ADD = add_to(_EVENTS)
_Told = ParamSpec("_Told")


def _adding(made: Callable[Concatenate[Deps, _Told], Rows]) -> Callable[Concatenate[Executor, Deps, _Told], None]:
    def add(db: Executor, deps: Deps, /, *args: _Told.args, **told: _Told.kwargs) -> None:
        _ADD.run(db, made(deps, *args, **told)[_EVENTS])

    return add


# `record(db, deps, name, …)`: an event, told as `event` says, in the transaction of the deed.
record = _adding(event)


def search(
    db: Session, deps: Deps, *, ids: Collection[str] = (), address: str | None = None, limit: int
) -> Sequence[AuditEvent]:
    """The newest events of a request, an account or letter (ids), or with an address that was typed (canonical key)."""
    wanted: list[ColumnElement[bool]] = [AuditEvent.request.in_(ids), AuditEvent.subject.in_(ids)]
    if address is not None:
        wanted.append(AuditEvent.address_digest == digest_of_address(deps, address))
    statement = select(AuditEvent).where(or_(*wanted)).order_by(AuditEvent.at.desc(), AuditEvent.id.desc())
    return db.scalars(statement.limit(limit)).all()


def last_at(db: Session, name: str, *, subject: str, but_cause: str) -> datetime | None:
    """When a deed was last done to somebody for another cause than this one; None when it never was within the retention."""
    of_them = (AuditEvent.subject == subject, AuditEvent.name == name, AuditEvent.cause != but_cause)
    return db.scalars(select(AuditEvent.at).where(*of_them).order_by(AuditEvent.at.desc()).limit(1)).one_or_none()


def export(db: Session, *, since: datetime, until: datetime) -> Iterator[Row[AuditEvent, AuditLink | None]]:
    """The events of a period, its end excluded, oldest first, each with its place in the chain; page by page."""
    joined = select(AuditEvent, AuditLink).outerjoin(AuditLink, AuditLink.event_id == AuditEvent.id)
    ordered = joined.where(AuditEvent.at < until).order_by(AuditEvent.at, AuditEvent.id).limit(PAGE)
    after: tuple[datetime, str] = (since, "")
    while page := db.execute(ordered.where(later(after))).all():
        yield from page
        after = (page[-1][0].at, page[-1][0].id)
        db.expunge_all()


def later(place: tuple[datetime, str]) -> ColumnElement[bool]:
    """Events after this one in the order of (at, id)."""
    at, id_ = place
    # The first condition alone lets the index be used.
    return and_(AuditEvent.at >= at, or_(AuditEvent.at > at, AuditEvent.id > id_))


def digest_of_address(deps: Deps, key: str) -> str:
    """How the trail knows an address (its canonical key): whoever has the address finds its events, and nobody else."""
    return deps.digests.digest(Kind.ADDRESS, key)[:32]
