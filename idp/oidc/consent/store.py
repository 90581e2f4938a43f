"""Every SQL statement about consents."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from idp.database import changed, upsert
from idp.oidc.consent import flow
from idp.oidc.consent.tables import Consent


def find(db: Session, *, account_id: str, client_id: str) -> flow.Consent | None:
    row = db.execute(_COLUMNS.where(Consent.account_id == account_id, Consent.client_id == client_id)).one_or_none()
    return None if row is None else _value(row)


def covers(
    db: Session,
    *,
    account_id: str,
    client_id: str,
    scope: str,
    claims: Iterable[str] = (),
    since: datetime | None = None,
) -> bool:
    """Whether the person allowed all this before. since: for prompt=consent, the instant the request arrived."""
    consent = find(db, account_id=account_id, client_id=client_id)
    return consent is not None and consent.covers(scope, claims, since=since)


def of_account(db: Session, account_id: str) -> list[flow.Consent]:
    """Everything that a person allowed, newest first."""
    rows = db.execute(_COLUMNS.where(Consent.account_id == account_id).order_by(Consent.given_at.desc()))
    return [_value(row) for row in rows]


def save(db: Session, account_id: str, consent: flow.Consent) -> None:
    values = {
        "scope": " ".join(sorted(consent.scope)),
        "claims": sorted(consent.claims),
        "given_at": consent.given_at,
    }
    statement = upsert(db, Consent.__table__).values(  # type: ignore[arg-type]
        account_id=account_id, client_id=consent.client_id, **values
    )
    db.execute(statement.on_conflict_do_update(index_elements=["account_id", "client_id"], set_=values))


def remove(db: Session, *, account_id: str, client_id: str) -> bool:
    statement = delete(Consent).where(Consent.account_id == account_id, Consent.client_id == client_id)
    return changed(db.execute(statement)) == 1


_COLUMNS = select(Consent.client_id, Consent.scope, Consent.claims, Consent.given_at)


def remove_of_client(db: Session, client_id: str) -> int:
    """Forget what everybody allowed a client that is no longer what they were shown; returns how many that were."""
    return changed(db.execute(delete(Consent).where(Consent.client_id == client_id)))


def _value(row: Any) -> flow.Consent:
    return flow.Consent(row.client_id, frozenset(row.scope.split()), frozenset(row.claims), row.given_at)
