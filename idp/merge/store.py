"""Every SQL statement about merge flows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from idp import metrics, states
from idp.database import save_if_unchanged
from idp.errors import FlowExpired, FlowUnknown
from idp.merge.flow import MergeFlow, State
from idp.merge.tables import MergeFlow as Row

_COLUMNS = [getattr(Row, name) for name in MergeFlow.__dataclass_fields__]


def _flow(row: Any) -> MergeFlow:
    return MergeFlow(**{**row._mapping, "state": states.read(State, row)})


def add(db: Session, flow: MergeFlow) -> None:
    db.execute(insert(Row).values(**vars(flow)))
    metrics.flow_step("merge", flow.state)


def load(db: Session, flow_id: str, *, now: datetime, browser_digest: str) -> MergeFlow:
    """A flow by its id. Raises FlowUnknown (no such flow, or another browser's: the same answer), FlowExpired."""
    row = db.execute(select(*_COLUMNS).where(Row.id == flow_id)).one_or_none()
    if row is None:
        raise FlowUnknown()
    if row.browser_digest != browser_digest:
        raise FlowUnknown(agency_id=row.agency_id, authorization_id=row.authorization_id)
    flow = _flow(row)
    if flow.expires_at <= now and flow.state is State.AWAITING_PASSWORD:
        raise FlowExpired(agency_id=flow.agency_id, authorization_id=flow.authorization_id)
    return flow


def offered(db: Session, upgrade_flow_id: str, *, browser_digest: str, email_key: str) -> MergeFlow | None:
    """The open offer that an upgrade flow led to in this browser, so that a reload makes no second one."""
    row = db.execute(
        select(*_COLUMNS)
        .where(
            Row.upgrade_flow_id == upgrade_flow_id,
            Row.browser_digest == browser_digest,
            Row.email_key == email_key,
            Row.state == State.AWAITING_PASSWORD,
        )
        .limit(1)
    ).one_or_none()
    return None if row is None else _flow(row)


def save(db: Session, before: MergeFlow, after: MergeFlow) -> bool:
    """Store a transition; False when the flow changed since `before` was loaded."""
    return save_if_unchanged(db, Row, before, after)


def cancel_others(db: Session, *, flow_id: str, provisional_account_id: str) -> None:
    """The letter was used: its other offers end."""
    db.execute(
        update(Row)
        .where(
            Row.provisional_account_id == provisional_account_id,
            Row.id != flow_id,
            Row.state == State.AWAITING_PASSWORD,
        )
        .values(state=State.CANCELLED, version=Row.version + 1)
    )
