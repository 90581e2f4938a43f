"""What an operator asks about people: searching, one person whole, counts of an agency. Reads only.

Every search is bounded: an agency may have a million letters. A search by a part of a name reads the agency's or the
whole table; that is fine for an operator and never done for a page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from idp.accounts import addresses
from idp.accounts.store import identifier_key
from idp.accounts.tables import Account, Contract, Membership, ProvisionalAccount
from idp.tenancy.tables import Agency, Customer


@dataclass(frozen=True)
class Holdings:
    """What an agency holds. upgraded: letters that became somebody's account; waiting: passwords not yet in a file."""

    letters: int
    upgraded: int
    waiting: int
    accounts: int


@dataclass(frozen=True)
class Found:
    """A person as a search lists them: a letter, with the account it belongs to, if any."""

    customer_code: str
    company_code: str
    identifier: str
    civility: str
    first_name: str
    last_name: str
    company_name: str
    city: str
    suggested_email: str | None
    account_id: str | None
    email: str | None
    expires_at: datetime
    closed_at: datetime | None

    def state(self, now: datetime) -> str:
        """The letter's state: upgraded (it is an account), closed, expired, or open."""
        if self.account_id is not None:
            return "upgraded"
        if self.closed_at is not None:
            return "closed"
        return "expired" if self.expires_at <= now else "open"


_FOUND: Select[*tuple[Any, ...]] = (
    select(
        Customer.code,
        Agency.code,
        ProvisionalAccount.identifier,
        ProvisionalAccount.civility,
        ProvisionalAccount.first_name,
        ProvisionalAccount.last_name,
        ProvisionalAccount.company_name,
        ProvisionalAccount.city,
        ProvisionalAccount.suggested_email,
        Account.id,
        Account.email,
        ProvisionalAccount.expires_at,
        ProvisionalAccount.closed_at,
    )
    .select_from(ProvisionalAccount)
    .join(Agency, Agency.id == ProvisionalAccount.agency_id)
    .join(Customer, Customer.id == Agency.customer_id)
    .outerjoin(Membership, Membership.provisional_account_id == ProvisionalAccount.id)
    .outerjoin(Account, Account.id == Membership.account_id)
)


def search(db: Session, words: Sequence[str], *, agency_id: str | None, limit: int) -> list[Found]:
    """Letters in which every word occurs: in a name, an address, the identifier or the account's address.

    Case does not matter. Accents do not either on PostgreSQL only as far as its collation says; type them.
    """
    statement = _FOUND.where(*(_contains(word) for word in words))
    if agency_id is not None:
        statement = statement.where(ProvisionalAccount.agency_id == agency_id)
    ordered = statement.order_by(ProvisionalAccount.last_name, ProvisionalAccount.first_name, ProvisionalAccount.id)
    return _found(db, ordered.limit(limit))


def letters_of(db: Session, account_id: str) -> list[Found]:
    """The letters that an account was made of or merged with, oldest first."""
    return _found(db, _FOUND.where(Membership.account_id == account_id).order_by(Membership.created_at))


def letter(db: Session, agency_id: str, identifier: str) -> Found | None:
    """The letter of an identifier as people type it."""
    found = _found(
        db,
        _FOUND.where(
            ProvisionalAccount.agency_id == agency_id, ProvisionalAccount.identifier_key == identifier_key(identifier)
        ),
    )
    return found[0] if found else None


def contracts(db: Session, agency_id: str, identifier: str) -> list[dict[str, str]]:
    """The contracts of one letter, in the order of the agency's file."""
    statement = (
        select(Contract.reference, Contract.role, Contract.mandate)
        .join(ProvisionalAccount, ProvisionalAccount.id == Contract.provisional_account_id)
        .where(
            ProvisionalAccount.agency_id == agency_id, ProvisionalAccount.identifier_key == identifier_key(identifier)
        )
        .order_by(Contract.position)
    )
    return [{"reference": row[0], "role": row[1], "mandate": row[2]} for row in db.execute(statement)]


def account(db: Session, *, account_id: str | None = None, email: str | None = None) -> Account | None:
    """A strong account by its id (the `sub`) or by its address."""
    wanted = Account.id == account_id if email is None else Account.email_key == addresses.key(email)
    return db.scalars(select(Account).where(wanted)).one_or_none()


def holdings(db: Session, agency_id: str) -> Holdings:
    """Counts of one agency's letters and people."""
    letters = db.execute(
        select(
            func.count(), func.count(ProvisionalAccount.closed_at), func.count(ProvisionalAccount.sealed_password)
        ).where(ProvisionalAccount.agency_id == agency_id)
    ).one()
    people = select(func.count(func.distinct(Membership.account_id))).where(Membership.agency_id == agency_id)
    return Holdings(letters[0], letters[1], letters[2], db.scalars(people).one())


def _found(db: Session, statement: Select[*tuple[Any, ...]]) -> list[Found]:
    return [Found(*row) for row in db.execute(statement)]


def _contains(word: str) -> Any:
    # Compared in lower and in upper case: SQLite folds only ASCII letters, and names in files are in capitals.
    columns = (
        ProvisionalAccount.last_name,
        ProvisionalAccount.first_name,
        ProvisionalAccount.company_name,
        ProvisionalAccount.suggested_email,
        Account.email,
    )
    wanted = dict.fromkeys((word, word.lower(), word.upper(), word.capitalize()))
    key = identifier_key(word)
    return or_(
        *(column.icontains(form, autoescape=True) for column in columns for form in wanted),
        *([ProvisionalAccount.identifier_key.contains(key, autoescape=True)] if key else []),
    )
