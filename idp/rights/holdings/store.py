"""Which rows are a person's: every condition that the list of holdings is made of."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, false, func, or_, select

from idp.grants.tables import Grant
from idp.merge.tables import MergeFlow
from idp.reset.tables import ResetFlow
from idp.rights.holdings.kinds import Person, Rows
from idp.upgrade.tables import UpgradeFlow


def of_account(column: Any) -> Rows:
    # Never compared with None: that would be "IS NULL", which is true of what belongs to nobody yet.
    return lambda person: false() if person.account_id is None else column == person.account_id


def of_letters(column: Any) -> Rows:
    return lambda person: column.in_(person.letter_ids)


def flows_of(person: Person) -> CompoundSelect[str]:
    """Ids of everything that a person began."""
    return (
        select(UpgradeFlow.id)
        .where(upgrades_of(person))
        .union_all(
            select(MergeFlow.id).where(merges_of(person)),
            select(ResetFlow.id).where(of_account(ResetFlow.account_id)(person)),
        )
    )


def upgrades_of(person: Person) -> ColumnElement[bool]:
    return or_(of_account(UpgradeFlow.account_id)(person), of_letters(UpgradeFlow.provisional_account_id)(person))


def merges_of(person: Person) -> ColumnElement[bool]:
    return or_(of_account(MergeFlow.account_id)(person), of_letters(MergeFlow.provisional_account_id)(person))


def of_address(column: Any) -> Rows:
    return lambda person: column == person.email_key if person.email_key else false()


def of_typed_address(column: Any) -> Rows:
    """For a column that keeps the address as it was typed."""
    return lambda person: func.lower(column) == person.email_key if person.email_key else false()


def of_grants(column: Any) -> Rows:
    return lambda person: column.in_(select(Grant.id).where(of_account(Grant.account_id)(person)))
