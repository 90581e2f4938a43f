"""Every SQL statement of the demonstration: which letters there are, and which can no longer be used."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from idp.accounts.tables import ProvisionalAccount
from idp.tenancy.tables import Agency, Customer


@dataclass(frozen=True)
class StoredLetter:
    """closed: it became an account, was merged, or was ended."""

    client: str
    societe: str
    identifier: str
    suggested_email: str | None
    closed: bool


def letters(db: Session) -> list[StoredLetter]:
    """All letters of all agencies, in the order of the file that they came from."""
    statement = (
        select(
            Customer.code,
            Agency.code,
            ProvisionalAccount.identifier,
            ProvisionalAccount.suggested_email,
            ProvisionalAccount.closed_at.is_not(None),
        )
        .join(Agency, Agency.id == ProvisionalAccount.agency_id)
        .join(Customer, Customer.id == Agency.customer_id)
        .order_by(ProvisionalAccount.import_line)
    )
    return [StoredLetter(*row) for row in db.execute(statement).tuples()]
