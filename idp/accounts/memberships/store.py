"""Every SQL statement about places: memberships with their agency, the person as it knows them, and contracts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, select
from sqlalchemy.orm import Session

from idp.accounts.tables import Account, Contract, Membership, ProvisionalAccount
from idp.database import Executor
from idp.statements import Statement
from idp.tenancy.tables import Agency, Customer


@dataclass(frozen=True)
class Place:
    """One place of a person at an agency, with the person's data as that agency knows it, as of `updated_at`."""

    agency_id: str
    customer_code: str
    company_code: str
    agency_name: str
    role: str
    civility: str
    first_name: str
    last_name: str
    company_name: str
    phone: str | None
    street: str
    postal_code: str
    city: str
    mandate: str
    updated_at: datetime
    since: datetime
    contracts: tuple[Mapping[str, str], ...] = ()


PLACE_COLUMNS = (
    Membership.id,
    Membership.agency_id,
    Customer.code.label("customer_code"),
    Agency.code.label("company_code"),
    Agency.name.label("agency_name"),
    ProvisionalAccount.role,
    ProvisionalAccount.civility,
    ProvisionalAccount.first_name,
    ProvisionalAccount.last_name,
    ProvisionalAccount.company_name,
    ProvisionalAccount.phone,
    ProvisionalAccount.street,
    ProvisionalAccount.postal_code,
    ProvisionalAccount.city,
    ProvisionalAccount.mandate,
    ProvisionalAccount.updated_at,
    Membership.created_at,
    Contract.reference,
    Contract.role.label("contract_role"),
    Contract.mandate.label("contract_mandate"),
)


def places(db: Session, account_id: str) -> list[Place]:
    """All places of a person at open agencies, oldest first, with their contracts; one statement."""
    statement = select(*PLACE_COLUMNS).select_from(Account).where(Account.id == account_id)
    return gather_places(db.execute(with_places(statement)).all())


_OPEN = select(Agency.id).where(Agency.disabled_at.is_(None))
_PLACED = Statement(
    select(Membership.id)
    .where(Membership.account_id == bindparam("account_id"), Membership.agency_id.in_(_OPEN))
    .limit(1)
)


def is_placed(db: Executor, account_id: str) -> bool:
    """Whether a person has a place at an open agency."""
    return _PLACED.row(db, {"account_id": account_id}) is not None


def with_places(statement: Select[*tuple[Any, ...]], *visible: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """Join the places of the account that a statement selects from: a row a contract, at least one row in all.

    visible: conditions on `Agency` for what the asker may see; closed agencies are never seen.
    """
    seen = _OPEN.where(*visible)
    return (
        statement.outerjoin(Membership, (Membership.account_id == Account.id) & Membership.agency_id.in_(seen))
        .outerjoin(Agency, Agency.id == Membership.agency_id)
        .outerjoin(Customer, Customer.id == Agency.customer_id)
        .outerjoin(ProvisionalAccount, ProvisionalAccount.id == Membership.provisional_account_id)
        .outerjoin(Contract, Contract.provisional_account_id == ProvisionalAccount.id)
        .order_by(Membership.created_at, Membership.id, Contract.position)
    )


def gather_places(rows: Sequence[Sequence[Any]], *, skip: int = 0) -> list[Place]:
    """Places of the rows of `with_places`. skip: how many columns stand before PLACE_COLUMNS."""
    found: dict[str, Place] = {}
    contracts: dict[str, list[Mapping[str, str]]] = {}
    for row in rows:
        membership_id, *place, reference, role, mandate = row[skip:]
        if membership_id is None:
            continue  # an outer join that found no place
        if membership_id not in found:
            found[membership_id] = Place(*place)
            contracts[membership_id] = []
        if reference is not None:
            contracts[membership_id].append({"reference": reference, "role": role, "mandate": mandate})
    return [replace(place, contracts=tuple(contracts[key])) for key, place in found.items()]
