"""Writing and searching the audit trail; there is nothing here that changes or deletes an event."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, insert, or_, select
from sqlalchemy.orm import Session

from idp import correlation
from idp.audit.tables import AuditEvent
from idp.deps import Deps
from idp.digests import Kind


def record(
    db: Session,
    deps: Deps,
    name: str,
    *,
    subject: str | None = None,
    agency_id: str | None = None,
    cause: str | None = None,
    network: str | None = None,
    address: str | None = None,
    **details: Any,
) -> None:
    """Add an event in the transaction of the deed.

    name: `source.deed` (`login.succeeded`, `merge.completed`). subject: account or letter id. cause: flow or request id.
    network: address of the asker; address: canonical key of the e-mail address that was typed; both stored as digests,
    so that only who has the address finds its events. details: plain values; never a secret, a name or an address.
    """
    db.execute(
        insert(AuditEvent).values(
            id=deps.new_id(),
            at=deps.now(),
            name=name,
            subject=subject,
            agency_id=agency_id,
            cause=cause,
            request=correlation.current() or None,
            network_digest=None if network is None else deps.digests.digest(Kind.NETWORK, network)[:32],
            address_digest=None if address is None else _of_address(deps, address),
            details=details,
        )
    )


def search(
    db: Session, deps: Deps, *, ids: Collection[str] = (), address: str | None = None, limit: int
) -> Sequence[AuditEvent]:
    """The newest events of a request, an account or letter (ids), or with an address that was typed (canonical key)."""
    wanted: list[ColumnElement[bool]] = [AuditEvent.request.in_(ids), AuditEvent.subject.in_(ids)]
    if address is not None:
        wanted.append(AuditEvent.address_digest == _of_address(deps, address))
    statement = select(AuditEvent).where(or_(*wanted)).order_by(AuditEvent.at.desc(), AuditEvent.id.desc())
    return db.scalars(statement.limit(limit)).all()


def _of_address(deps: Deps, key: str) -> str:
    return deps.digests.digest(Kind.ADDRESS, key)[:32]
