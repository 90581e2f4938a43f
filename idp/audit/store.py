"""Writing the audit trail; there is nothing here that changes or deletes an event."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

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
    **details: Any,
) -> None:
    """Add an event in the transaction of the deed.

    name: `source.deed` (`login.succeeded`, `merge.completed`). subject: account or letter id. cause: flow or request id.
    network: address of the asker, stored as a digest. details: plain values; never a secret, a name or an address.
    """
    db.execute(
        insert(AuditEvent).values(
            id=deps.new_id(),
            at=deps.now(),
            name=name,
            subject=subject,
            agency_id=agency_id,
            cause=cause,
            network_digest=None if network is None else deps.digests.digest(Kind.NETWORK, network)[:32],
            details=details,
        )
    )
