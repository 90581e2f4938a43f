"""Every SQL statement about upgrade flows."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from idp import metrics, states
from idp.accounts.tables import ProvisionalAccount
from idp.database import changed, save_if_unchanged
from idp.errors import FlowExpired, FlowUnknown
from idp.upgrade.flow import OPEN, State, UpgradeFlow
from idp.upgrade.tables import UpgradeFlow as Row

_COLUMNS = [getattr(Row, name) for name in UpgradeFlow.__dataclass_fields__]
_OPEN = [str(state) for state in OPEN]


def _flow(row: Any) -> UpgradeFlow:
    named = {name: row._mapping[name] for name in UpgradeFlow.__dataclass_fields__}
    return UpgradeFlow(**{**named, "state": states.read(State, row)})


def add(db: Session, flow: UpgradeFlow) -> None:
    db.execute(insert(Row).values(**vars(flow)))
    metrics.flow_step("upgrade", flow.state)


def load(db: Session, flow_id: str, *, now: datetime, browser_digest: str | None = None) -> UpgradeFlow:
    """A flow by its id. browser_digest: the browser that asks; None for a mailed link, which may be opened anywhere.

    An open flow of a letter that was used meanwhile (merged in another tab) is cancelled, whatever its row says.
    Raises FlowUnknown (no such flow, or another browser's, which must look the same), FlowExpired.
    """
    of_letter = ProvisionalAccount.id == Row.provisional_account_id
    row = db.execute(
        select(*_COLUMNS, ProvisionalAccount.closed_at).join(ProvisionalAccount, of_letter).where(Row.id == flow_id)
    ).one_or_none()
    if row is None:
        raise FlowUnknown()
    if browser_digest is not None and row.browser_digest != browser_digest:
        # Where to start again is no secret: the agency's codes are in every letter.
        raise FlowUnknown(agency_id=row.agency_id, authorization_id=row.authorization_id)
    flow = _flow(row)
    if row.closed_at is not None and flow.open:
        flow = replace(flow, state=State.CANCELLED)
    if flow.expires_at <= now and flow.state is not State.COMPLETED:
        raise FlowExpired(agency_id=flow.agency_id, authorization_id=flow.authorization_id)
    return flow


def save(db: Session, before: UpgradeFlow, after: UpgradeFlow) -> bool:
    """Store a transition; False when the flow changed since `before` was loaded, and nothing was stored."""
    return save_if_unchanged(db, Row, before, after)


def latest_open(db: Session, provisional_account_id: str, *, now: datetime) -> UpgradeFlow | None:
    """The newest unfinished flow of a letter, in whichever browser."""
    row = db.execute(
        select(*_COLUMNS)
        .where(Row.provisional_account_id == provisional_account_id, Row.state.in_(_OPEN), Row.expires_at > now)
        .order_by(Row.created_at.desc(), Row.id)
        .limit(1)
    ).one_or_none()
    return None if row is None else _flow(row)


def flows_of_letter(db: Session, provisional_account_id: str) -> list[str]:
    """Ids of all flows of a letter, whose mailed links stand or fall together."""
    return list(db.scalars(select(Row.id).where(Row.provisional_account_id == provisional_account_id)))


def share_password(db: Session, flow: UpgradeFlow) -> None:
    """A password chosen in one tab is the one of the browser's other tabs that wait for the same address.

    Each of them has mailed a link; the person knows one password, the newest, whichever mail is opened.
    """
    db.execute(
        update(Row)
        .where(
            Row.provisional_account_id == flow.provisional_account_id,
            Row.id != flow.id,
            Row.browser_digest == flow.browser_digest,
            Row.email_key == flow.email_key,
            Row.state == State.AWAITING_CONFIRMATION,
        )
        .values(
            password_hash=flow.password_hash,
            password_browser_digest=flow.password_browser_digest,
            terms_id=flow.terms_id,
            version=Row.version + 1,
        )
    )


def cancel_others(db: Session, *, flow_id: str, provisional_account_id: str) -> None:
    """The letter was used: its other unfinished flows end, and their pages lead to sign-in."""
    db.execute(
        update(Row)
        .where(Row.provisional_account_id == provisional_account_id, Row.id != flow_id, Row.state.in_(_OPEN))
        .values(state=State.CANCELLED, version=Row.version + 1, password_hash=None)
    )


def follow(db: Session, flow_id: str, *, now: datetime) -> bool:
    """Claim the one sign-in that a completed flow owes to its waiting browser; exactly one caller ever succeeds."""
    statement = (
        update(Row)
        .where(Row.id == flow_id, Row.state == State.COMPLETED, Row.followed_at.is_(None))
        .values(followed_at=now)
    )
    return changed(db.execute(statement)) == 1
