"""Every SQL statement about people: letters, strong accounts, memberships and contracts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from idp.accounts.roles import AccountState
from idp.accounts.tables import Account, Membership, ProvisionalAccount
from idp.database import Executor, changed, upsert
from idp.statements import Statement
from idp.tenancy.tables import Agency


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

    @property
    def identifier(self) -> str:
        return self.words[0]

    @property
    def person(self) -> str:
        """Who the letter is for, as the agency writes it."""
        _, last_name, first_name, company_name, *_ = self.words
        return " ".join(filter(None, (first_name, last_name))) or company_name


@dataclass(frozen=True)
class StrongAccount:
    """A strong account as sign-in needs it."""

    id: str
    email: str
    email_key: str
    password_hash: str = field(repr=False)
    active: bool


_BETWEEN = re.compile(r"[\s.\-‐-―]+")


def identifier_key(identifier: str) -> str:
    """How a letter's identifier is compared: in capitals, without spaces, dashes and dots; people copy it from paper."""
    return _BETWEEN.sub("", identifier).upper()[:80]


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
    id_, agency_id, digest, suggested, expires_at, closed_at, *words = row
    return Letter(id_, agency_id, digest, suggested, expires_at, closed_at is not None, tuple(words))


def letter_by_identifier(db: Session, agency_id: str, identifier: str) -> Letter | None:
    statement = _LETTER.where(
        ProvisionalAccount.agency_id == agency_id, ProvisionalAccount.identifier_key == identifier_key(identifier)
    )
    row = db.execute(statement).one_or_none()
    return None if row is None else _letter(row)


def letter(db: Session, provisional_account_id: str) -> Letter:
    return _letter(db.execute(_LETTER.where(ProvisionalAccount.id == provisional_account_id)).one())


def letter_to_use_up(db: Session, provisional_account_id: str) -> Letter:
    """A letter, for whoever is about to close it; others that want it too wait until this transaction ends.

    Before anything else is written: two who first save flows of their own, and then cancel the letter's other flows,
    would each hold what the other one waits for.
    """
    statement = _LETTER.where(ProvisionalAccount.id == provisional_account_id)
    return _letter(db.execute(statement.with_for_update(key_share=True, of=ProvisionalAccount)).one())


def agency_that_suggests(db: Session, address: str, *, prefer: str | None) -> str | None:
    """The agency of an unused letter that suggests this address: the preferred one if it has such, else any.

    A letter that has expired counts: its page says so, and where a new one comes from.
    """
    statement = select(ProvisionalAccount.agency_id).where(
        ProvisionalAccount.suggested_email.in_({address, address.lower()}),
        ProvisionalAccount.closed_at.is_(None),
    )
    found = set(db.scalars(statement.limit(50)))
    return prefer if prefer in found else min(found, default=None)


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
    id_, email, email_key, password_hash, state = row
    return StrongAccount(id_, email, email_key, password_hash, state == AccountState.ACTIVE)


_OF_ADDRESS = Statement(_STRONG.where(Account.email_key == bindparam("key")))


def account_by_email(db: Executor, email_key: str) -> StrongAccount | None:
    return _strong(_OF_ADDRESS.row(db, {"key": email_key}))


def account(db: Session, account_id: str) -> StrongAccount | None:
    return _strong(db.execute(_STRONG.where(Account.id == account_id)).one_or_none())


def hold(db: Session, account_id: str) -> bool:
    """Whether an account is open, and stays so until this transaction ends.

    A step that read the account before it hashed a password asks again: an operator may have closed or erased it
    meanwhile, and what the step adds would be left behind.
    """
    statement = select(Account.id).where(Account.id == account_id, Account.state == AccountState.ACTIVE)
    # Not FOR UPDATE: whoever wrote a row that refers to the account shares a lock on its key, and two of them that both
    # wanted more would wait for each other. This one suffices against a change and against a deletion.
    return db.scalars(statement.with_for_update(key_share=True)).one_or_none() is not None


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
    statement = statement.on_conflict_do_nothing(index_elements=["email_key"]).returning(Account.id)
    return db.execute(statement).first() is not None


def as_made(db: Session, account_id: str, *, since: datetime) -> bool:
    """Whether an account was made after `since`, is active, and still has the password that it was made with."""
    statement = select(Account.id).where(
        Account.id == account_id,
        Account.state == AccountState.ACTIVE,
        Account.created_at > since,
        Account.password_changed_at == Account.created_at,
    )
    return db.scalars(statement).one_or_none() is not None


def set_password(db: Executor, account_id: str, password_hash: str, *, now: datetime | None) -> None:
    """now: when the person changed it; None for a mere rehash of the same password at another cost."""
    values: dict[str, object] = {"password_hash": password_hash}
    if now is not None:
        values["password_changed_at"] = now
    db.execute(update(Account).where(Account.id == account_id, Account.state == AccountState.ACTIVE).values(**values))


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
    statement = statement.on_conflict_do_nothing(index_elements=["provisional_account_id"]).returning(Membership.id)
    return db.execute(statement).first() is not None


def owner_of_letter(db: Session, provisional_account_id: str) -> str | None:
    """The account that a letter was joined to, if any."""
    return db.scalars(
        select(Membership.account_id).where(Membership.provisional_account_id == provisional_account_id)
    ).one_or_none()
