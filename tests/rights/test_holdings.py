"""No table and no column is forgotten: what is held about people is written down, all of it."""

from __future__ import annotations

import pytest

import idp.tables
from idp.database import db
from idp.rights.holdings.catalogue import HOLDINGS, WITHOUT
from idp.rights.holdings.kinds import Fate, Holding
from idp.settings import ROOT

assert idp.tables


def test_every_table_is_said_to_hold_something_about_people_or_not() -> None:
    told = [holding.name for holding in HOLDINGS] + list(WITHOUT)

    assert sorted(told) == sorted(db.metadata.tables)


@pytest.mark.parametrize("holding", HOLDINGS, ids=lambda holding: holding.name)
def test_every_column_is_shown_to_the_person_or_hidden_for_a_reason(holding: Holding) -> None:
    told = [*holding.shown, *holding.hidden]

    assert sorted(told) == sorted(holding.table.__table__.columns.keys())
    assert all(holding.hidden.values())


@pytest.mark.parametrize("name", WITHOUT)
def test_a_table_that_refers_to_a_person_is_never_said_to_hold_nothing(name: str) -> None:
    columns = db.metadata.tables[name].columns
    people = {"accounts.id", "provisional_accounts.id"}

    assert WITHOUT[name]
    assert {key.target_fullname for column in columns for key in column.foreign_keys}.isdisjoint(people)
    assert {"account_id", "email", "email_key", "recipient", "subject"}.isdisjoint(columns.keys())


@pytest.mark.parametrize("holding", HOLDINGS, ids=lambda holding: holding.name)
def test_the_register_names_every_table_and_how_long_it_is_kept(holding: Holding) -> None:
    register = (ROOT / "docs" / "personal-data.md").read_text(encoding="utf-8")

    assert f"| `{holding.name}` |" in register


def test_what_others_refer_to_is_deleted_after_them() -> None:
    order = [holding.name for holding in HOLDINGS if holding.fate is Fate.DELETED]
    for name in order:
        for column in db.metadata.tables[name].columns:
            for key in column.foreign_keys:
                there = key.target_fullname.partition(".")[0]
                assert there not in order or order.index(name) < order.index(there), f"{name} refers to {there}"
