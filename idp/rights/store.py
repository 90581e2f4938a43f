"""Every SQL statement about a person's data as a whole."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, exists, func, not_, or_, select, update
from sqlalchemy.orm import Session

from idp.accounts.roles import AccountState
from idp.accounts.tables import Account, Membership, ProvisionalAccount
from idp.database import changed
from idp.rights.holdings.catalogue import HOLDINGS
from idp.rights.holdings.kinds import Fate, Holding, Person
from idp.tenancy.tables import Agency, Customer
from idp.terms.tables import Terms

# Well-formed, and no password has it: a tombstone is compared with like any other account.
_NO_PASSWORD = f"$2b$04${'.' * 53}"


def letters_of(db: Session, account_id: str) -> tuple[str, ...]:
    """Ids of the letters that an account was made of or merged with."""
    return tuple(db.scalars(select(Membership.provisional_account_id).where(Membership.account_id == account_id)))


def set_state(db: Session, account_id: str, *, of: AccountState, to: AccountState) -> bool:
    """False when the account was not in that state: exactly one caller ever succeeds."""
    statement = update(Account).where(Account.id == account_id, Account.state == of).values(state=to)
    return changed(db.execute(statement)) == 1


def bury(db: Session, account_id: str, *, now: datetime) -> bool:
    """Leave of an account its `sub` alone; False when that was done before.

    The canonical key has capitals, which no address that anybody types ever has, so the address is free again.
    """
    statement = (
        update(Account)
        .where(Account.id == account_id, Account.state != AccountState.ERASED)
        .values(
            state=AccountState.ERASED,
            email="",
            email_key=f"ERASED:{account_id}",
            password_hash=_NO_PASSWORD,
            created_at=now,
            password_changed_at=now,
        )
    )
    return changed(db.execute(statement)) == 1


def erase(db: Session, person: Person) -> dict[str, int]:
    """Delete what is deleted of a person; returns how many rows of each table went."""
    return {
        holding.name: changed(
            db.execute(
                delete(holding.table)
                .where(or_(holding.theirs(person), holding.mentions(person)))
                .execution_options(synchronize_session=False)
            )
        )
        for holding in HOLDINGS
        if holding.fate is Fate.DELETED
    }


def held(db: Session, person: Person) -> Iterator[tuple[Holding, list[Mapping[str, Any]]]]:
    """Everything that is shown of a person, table by table."""
    for holding in HOLDINGS:
        columns = [getattr(holding.table, name) for name in holding.shown]
        rows = db.execute(select(*columns).where(holding.theirs(person))).mappings()
        yield holding, [dict(row) for row in rows]


def agencies(db: Session) -> dict[str, str]:
    """The codes of every agency by its id, as `CLIENT/SOCIETE`."""
    rows = db.execute(select(Agency.id, Customer.code, Agency.code).join(Customer, Customer.id == Agency.customer_id))
    return {id_: f"{customer}/{company}" for id_, customer, company in rows}


def agencies_of_letters(db: Session, letter_ids: Collection[str]) -> set[str]:
    return set(db.scalars(select(ProvisionalAccount.agency_id).where(ProvisionalAccount.id.in_(letter_ids))))


def unused_letters(db: Session, *, before: datetime, limit: int) -> dict[str, str]:
    """Letters made before an instant that are nobody's account: the agency's id by the letter's, locked."""
    some = select(ProvisionalAccount.id, ProvisionalAccount.agency_id).where(_unused(before))
    return {row.id: row.agency_id for row in db.execute(some.limit(limit).with_for_update())}


def count_unused_letters(db: Session, *, before: datetime) -> int:
    return db.scalars(select(func.count()).select_from(ProvisionalAccount).where(_unused(before))).one()


def _unused(before: datetime) -> ColumnElement[bool]:
    # Looked at twice: what is part of somebody's account must not go, whatever a repair by hand left in the letter.
    somebodys = exists().where(Membership.provisional_account_id == ProvisionalAccount.id)
    return and_(ProvisionalAccount.closed_at.is_(None), ProvisionalAccount.created_at < before, not_(somebodys))


def versions_of_terms(db: Session) -> dict[str, int]:
    return {row.id: row.version for row in db.execute(select(Terms.id, Terms.version))}
