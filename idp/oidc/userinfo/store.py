"""Every SQL statement about what userinfo tells: one a person, whatever it takes to tell of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from idp.accounts.memberships.store import PLACE_COLUMNS, Place, gather_places, with_places
from idp.accounts.roles import AccountState
from idp.accounts.tables import Account
from idp.grants.tables import Grant
from idp.oidc.registration.metadata import Client
from idp.statements import Statement
from idp.tenancy.tables import Agency


@dataclass(frozen=True)
class Person:
    """Whom an access token stands for, with the places that the client may see."""

    account_id: str
    email: str
    agency_id: str | None
    claims: Mapping[str, Sequence[str]]
    places: list[Place] = field(repr=False)


_PERSON_OF_GRANT = (
    select(Account.id, Account.email, Grant.agency_id.label("asked_agency_id"), Grant.claims, *PLACE_COLUMNS)
    .select_from(Grant)
    .join(Account, Account.id == Grant.account_id)
    .where(
        Grant.id == bindparam("grant_id"),
        Grant.client_id == bindparam("client_id"),
        Grant.revoked_at.is_(None),
        Grant.expires_at > bindparam("now"),
        Account.state == AccountState.ACTIVE,
    )
)
_PERSON = Statement(with_places(_PERSON_OF_GRANT))
_PERSON_OF_AGENCY = Statement(with_places(_PERSON_OF_GRANT, Agency.id == bindparam("owner")))
_PERSON_OF_CUSTOMER = Statement(with_places(_PERSON_OF_GRANT, Agency.customer_id == bindparam("owner")))


def person(db: Connection, grant_id: str, client: Client, *, now: datetime) -> Person | None:
    """Whom a live grant stands for, and everything that userinfo tells; one statement."""
    if client.agency_id is not None:
        statement, owner = _PERSON_OF_AGENCY, client.agency_id
    elif client.customer_id is not None:
        statement, owner = _PERSON_OF_CUSTOMER, client.customer_id
    else:
        statement, owner = _PERSON, ""
    values = {"grant_id": grant_id, "client_id": client.id, "now": now}
    rows = statement.rows(db, {**values, "owner": owner} if owner else values)
    if not rows:
        return None
    account_id, email, agency_id, claims = rows[0][:4]
    return Person(account_id, email, agency_id, claims or {}, gather_places(rows, skip=4))
