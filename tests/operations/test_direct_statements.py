"""Statements that the driver runs by itself: what SQLAlchemy would have found, refused and noticed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import bindparam, select, text
from sqlalchemy.exc import DataError, OperationalError

from idp.accounts.roles import AccountState
from idp.accounts.tables import Account, Contract, Membership, ProvisionalAccount
from idp.database import at_once
from idp.grants.tables import Grant
from idp.statements import Statement
from tests.support.world import World

_ACCOUNT = Statement(
    select(Account.id, Account.email, Account.state, Account.created_at).where(
        Account.id == bindparam("id"), Account.state == AccountState.ACTIVE
    )
)


@pytest.fixture
def account_id(world: World) -> str:
    letter, account_id = world.member()
    portal = world.portal(letter)
    person = world.signed_in(letter)
    person.open(portal.authorize_url())
    return account_id


@pytest.mark.parametrize(
    "columns",
    [
        (Account.id, Account.email, Account.state, Account.created_at),
        (Grant.id, Grant.scope, Grant.claims, Grant.resources, Grant.created_at, Grant.expires_at, Grant.revoked_at),
        (Membership.id, ProvisionalAccount.role, ProvisionalAccount.import_line, ProvisionalAccount.closed_at),
        (Contract.reference, Contract.position, Membership.created_at),
    ],
    ids=["account", "grant", "place", "contracts"],
)
def test_every_kind_of_column_comes_as_sqlalchemy_brings_it(
    world: World, account_id: str, columns: tuple[Any, ...]
) -> None:
    query = (
        select(*columns)
        .select_from(Account)
        .outerjoin(Grant, Grant.account_id == Account.id)
        .outerjoin(Membership, Membership.account_id == Account.id)
        .outerjoin(ProvisionalAccount, ProvisionalAccount.id == Membership.provisional_account_id)
        .outerjoin(Contract, Contract.provisional_account_id == ProvisionalAccount.id)
        .where(Account.id == bindparam("id"), Account.created_at > bindparam("since"))
    )
    values = {"id": account_id, "since": world.clock() - timedelta(days=9999)}

    with world.server.app.app_context(), at_once() as db:
        found = [tuple(row) for row in Statement(query).rows(db, values)]
        expected = [tuple(row) for row in db.execute(query, values)]

    assert found == expected != []
    assert [list(map(type, row)) for row in found] == [list(map(type, row)) for row in expected]


def test_whoever_listens_to_statements_hears_of_these_too(world: World, account_id: str) -> None:
    with world.statements() as heard, world.server.app.app_context(), at_once() as db:
        assert _ACCOUNT.row(db, {"id": account_id}) is not None

    assert len(heard) == 1


def test_within_a_transaction_it_sees_what_the_transaction_did(world: World, account_id: str) -> None:
    with world.transaction() as session:
        session.get(Account, account_id).state = AccountState.DISABLED
        session.flush()
        assert _ACCOUNT.row(session, {"id": account_id}) is None
        session.rollback()

    with world.server.app.app_context(), at_once() as db:
        assert _ACCOUNT.row(db, {"id": account_id}) is not None


def test_a_failure_is_sqlalchemy_s_and_tells_no_value(world: World) -> None:
    if not world.postgresql:
        pytest.skip("SQLite takes any text")
    with world.server.app.app_context(), at_once() as db, pytest.raises(DataError) as failure:
        _ACCOUNT.row(db, {"id": "of somebody\0"})

    assert "of somebody" not in str(failure.value)


def test_a_connection_that_is_lost_is_thrown_away(world: World, account_id: str) -> None:
    if not world.postgresql:
        pytest.skip("SQLite has no connection to lose")
    with world.server.app.app_context():
        with at_once() as db:
            _ACCOUNT.row(db, {"id": account_id})
            mine = db.scalar(text("SELECT pg_backend_pid()"))
            with at_once() as other:
                other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": mine})
            with pytest.raises(OperationalError) as failure:
                _ACCOUNT.row(db, {"id": account_id})
            assert failure.value.connection_invalidated
        with at_once() as db:
            assert _ACCOUNT.row(db, {"id": account_id}) is not None
