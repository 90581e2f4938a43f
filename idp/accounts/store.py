"""Every SQL statement about people: letters, strong accounts, memberships and contracts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from idp.accounts.roles import AccountState
from idp.accounts.tables import Account, Contract, Membership, ProvisionalAccount
from idp.database import changed, upsert
from idp.tenancy.tables import Agency, Customer


@dataclass(frozen=True)
class Letter:
    """A provisional account as the upgrade and merge flows need it."""

    id: str
    agency_id: str
    password_digest: str = field(repr=False)
    suggested_email: str | None
    expires_at: datetime
    closed: bool
    words: tuple[str, ...]


@dataclass(frozen=True)
class StrongAccount:
    """A strong account as sign-in needs it."""

    id: str
    email: str
    email_key: str
    password_hash: str = field(repr=False)
    active: bool


@dataclass(frozen=True)
class Place:
    """One place of a person at an agency, with the person's data as that agency knows it."""

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
    since: datetime
    contracts: tuple[Mapping[str, str], ...]


def identifier_key(identifier: str) -> str:
    """How a letter's identifier is compared: in capitals, without spaces, dashes and dots; people copy it from paper."""
    return re.sub(r"[\s.\-‐-―]+", "", identifier).upper()[:80]


# --- letters ---------------------------------------------------------------------------------------------------------

_LETTER = select(
    ProvisionalAccount.id,
    ProvisionalAccount.agency_id,
    ProvisionalAccount.password_digest,
    ProvisionalAccount.suggested_email,
    ProvisionalAccount.expires_at,
    ProvisionalAccount.closed_at,
    ProvisionalAccount.identifier,
    ProvisionalAccount.last_name,
    ProvisionalAccount.first_name,
    ProvisionalAccount.company_name,
    ProvisionalAccount.city,
    Agency.name,
).join(Agency, Agency.id == ProvisionalAccount.agency_id)


def _letter(row: Sequence[Any]) -> Letter:
    *told, closed_at = row[:6]
    return Letter(*told, closed_at is not None, tuple(row[6:]))


def letter_by_identifier(db: Session, agency_id: str, identifier: str) -> Letter | None:
    statement = _LETTER.where(
        ProvisionalAccount.agency_id == agency_id, ProvisionalAccount.identifier_key == identifier_key(identifier)
    )
    row = db.execute(statement).one_or_none()
    return None if row is None else _letter(row)


def letter(db: Session, provisional_account_id: str) -> Letter:
    return _letter(db.execute(_LETTER.where(ProvisionalAccount.id == provisional_account_id)).one())


def close_letter(db: Session, provisional_account_id: str, *, now: datetime) -> bool:
    """End a letter's credentials; exactly one caller ever succeeds."""
    statement = (
        update(ProvisionalAccount)
        .where(ProvisionalAccount.id == provisional_account_id, ProvisionalAccount.closed_at.is_(None))
        .values(closed_at=now)
    )
    return changed(db.execute(statement)) == 1


# --- strong accounts -------------------------------------------------------------------------------------------------

_STRONG = select(Account.id, Account.email, Account.email_key, Account.password_hash, Account.state)


def _strong(row: Sequence[Any] | None) -> StrongAccount | None:
    if row is None:
        return None
    *told, state = row
    return StrongAccount(*told, state == AccountState.ACTIVE)


def account_by_email(db: Session, email_key: str) -> StrongAccount | None:
    return _strong(db.execute(_STRONG.where(Account.email_key == email_key)).one_or_none())


def account(db: Session, account_id: str) -> StrongAccount | None:
    return _strong(db.execute(_STRONG.where(Account.id == account_id)).one_or_none())


def create_account(
    db: Session, *, account_id: str, email: str, email_key: str, password_hash: str, now: datetime
) -> bool:
    """Make a strong account; False when the address became somebody's meanwhile. The constraint decides races."""
    statement = upsert(db, Account.__table__).values(  # type: ignore[arg-type]
        id=account_id,
        email=email,
        email_key=email_key,
        password_hash=password_hash,
        state=AccountState.ACTIVE,
        created_at=now,
        password_changed_at=now,
    )
    return changed(db.execute(statement.on_conflict_do_nothing(index_elements=["email_key"]))) == 1


def set_password(db: Session, account_id: str, password_hash: str, *, now: datetime | None) -> None:
    """now: when the person changed it; None for a mere rehash of the same password at another cost."""
    values: dict[str, object] = {"password_hash": password_hash}
    if now is not None:
        values["password_changed_at"] = now
    db.execute(update(Account).where(Account.id == account_id).values(**values))


def join(db: Session, *, membership_id: str, account_id: str, letter: Letter, origin: str, now: datetime) -> bool:
    """Join an account to a letter's place at its agency; False when the letter was joined already."""
    statement = upsert(db, Membership.__table__).values(  # type: ignore[arg-type]
        id=membership_id,
        account_id=account_id,
        agency_id=letter.agency_id,
        provisional_account_id=letter.id,
        origin=origin,
        created_at=now,
    )
    return changed(db.execute(statement.on_conflict_do_nothing(index_elements=["provisional_account_id"]))) == 1


def owner_of_letter(db: Session, provisional_account_id: str) -> str | None:
    """The account that a letter was joined to, if any."""
    return db.scalars(
        select(Membership.account_id).where(Membership.provisional_account_id == provisional_account_id)
    ).one_or_none()


def places(
    db: Session, account_id: str, *, agency_id: str | None = None, customer_id: str | None = None
) -> list[Place]:
    """The person's places at open agencies, oldest first, with their contracts; one statement.

    agency_id, customer_id: what the asker may see; None sees all (the person's own profile, or the platform).
    """
    statement = places_statement().where(Membership.account_id == account_id)
    if agency_id is not None:
        statement = statement.where(Membership.agency_id == agency_id)
    if customer_id is not None:
        statement = statement.where(Agency.customer_id == customer_id)
    return gather_places(db.execute(statement).all())


# --- places: memberships with their agency, person and contracts -------------------------------------------------------

_PLACE_COLUMNS = (
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
    Membership.created_at,
    Contract.reference,
    Contract.role.label("contract_role"),
    Contract.mandate.label("contract_mandate"),
)


def places_statement(*columns: Any) -> Select[Any]:
    """One row a contract (or a place without any), oldest place first; `columns` are put before those of the place."""
    return (
        select(*columns, *_PLACE_COLUMNS)
        .select_from(Membership)
        .join(Agency, Agency.id == Membership.agency_id)
        .join(Customer, Customer.id == Agency.customer_id)
        .join(ProvisionalAccount, ProvisionalAccount.id == Membership.provisional_account_id)
        .outerjoin(Contract, Contract.provisional_account_id == ProvisionalAccount.id)
        .where(Agency.disabled_at.is_(None))
        .order_by(Membership.created_at, Membership.id, Contract.position)
    )


def gather_places(rows: Sequence[Sequence[Any]], *, skip: int = 0) -> list[Place]:
    """Places of the rows of `places_statement`. skip: how many columns stand before those of the place."""
    found: dict[str, Place] = {}
    contracts: dict[str, list[Mapping[str, str]]] = {}
    for row in rows:
        membership_id, *place, reference, role, mandate = row[skip:]
        if membership_id is None:
            continue  # an outer join that found no place
        if membership_id not in found:
            found[membership_id] = Place(*place, ())
            contracts[membership_id] = []
        if reference is not None:
            contracts[membership_id].append({"reference": reference, "role": role, "mandate": mandate})
    return [replace(place, contracts=tuple(contracts[key])) for key, place in found.items()]
