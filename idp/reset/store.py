"""Every SQL statement about reset flows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from idp import metrics, states
from idp.database import save_if_unchanged
from idp.errors import FlowExpired, FlowUnknown
from idp.reset.flow import ResetFlow, State
from idp.reset.tables import ResetFlow as Row

_COLUMNS = [getattr(Row, name) for name in ResetFlow.__dataclass_fields__]


def _flow(row: Any) -> ResetFlow:
    return ResetFlow(**{**row._mapping, "state": states.read(State, row)})


def add(db: Session, flow: ResetFlow) -> None:
    db.execute(insert(Row).values(**vars(flow)))
    metrics.flow_step("reset", flow.state)


def load(db: Session, flow_id: str, *, now: datetime) -> ResetFlow:
    """A flow by its id, in any browser: its pages tell nothing, and its link may be opened on a phone.

    Raises FlowUnknown, FlowExpired.
    """
    row = db.execute(select(*_COLUMNS).where(Row.id == flow_id)).one_or_none()
    if row is None:
        raise FlowUnknown()
    flow = _flow(row)
    if flow.expires_at <= now and flow.state is State.AWAITING_LINK:
        raise FlowExpired(agency_id=flow.agency_id)
    return flow


def just_asked(db: Session, like: ResetFlow, *, since: datetime, until: datetime) -> ResetFlow | None:
    """The same request, made in the same browser since then, that still waits.

    until: a little ahead of now, since clocks of hosts differ; after that it was made before a clock went back.
    """
    row = db.execute(
        select(*_COLUMNS)
        .where(
            Row.browser_digest == like.browser_digest,
            Row.email == like.email,
            Row.account_id.is_not_distinct_from(like.account_id),
            Row.agency_id.is_not_distinct_from(like.agency_id),
            Row.authorization_id.is_not_distinct_from(like.authorization_id),
            Row.merge_flow_id.is_not_distinct_from(like.merge_flow_id),
            Row.created_at.between(since, until),
            Row.state == State.AWAITING_LINK,
        )
        .limit(1)
    ).one_or_none()
    return None if row is None else _flow(row)


def save(db: Session, before: ResetFlow, after: ResetFlow) -> bool:
    """Store a transition; False when the flow changed since `before` was loaded."""
    return save_if_unchanged(db, Row, before, after)


def cancel_others(db: Session, *, flow_id: str, account_id: str) -> list[str]:
    """The account's password was reset: its other open resets end. Returns their ids, whose links die too."""
    return list(
        db.scalars(
            update(Row)
            .where(Row.account_id == account_id, Row.id != flow_id, Row.state == State.AWAITING_LINK)
            .values(state=State.CANCELLED, version=Row.version + 1)
            .returning(Row.id)
            .execution_options(synchronize_session=False)
        )
    )
