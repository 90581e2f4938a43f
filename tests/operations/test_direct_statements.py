"""Statements that the driver runs by itself: what SQLAlchemy would have found, refused and noticed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Table, bindparam, func, select, text
from sqlalchemy.exc import DataError, IntegrityError, OperationalError

from idp.accounts.roles import AccountState
from idp.accounts.tables import Account, Contract, Membership, ProvisionalAccount
from idp.audit.tables import AuditEvent
from idp.database import Executor, at_once, table_of
from idp.errors import WrongCredentials
from idp.grants.tables import Grant
from idp.oidc.authorize.tables import AuthorizationRequest
from idp.statements import Statement, add_to, writing
from idp.throttle.tables import ThrottleCounter
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


_COUNTERS = table_of(ThrottleCounter)
_ADD = add_to(_COUNTERS)
_MORE = Statement(
    _COUNTERS.update().where(_COUNTERS.c.key == bindparam("b_key")).values(attempts=_COUNTERS.c.attempts + 1)
)


def _counter(world: World, key: str) -> dict[str, Any]:
    return {"key": key, "attempts": 1, "blocked_until": world.clock(), "forget_at": world.clock()}


def _count(db: Executor) -> int:
    return db.execute(select(func.count()).select_from(_COUNTERS)).scalar_one()


def _row_of(world: World, table: Table) -> dict[str, Any]:
    """A row that there is, under another id."""
    with world.reading() as db:
        row = db.execute(select(table).limit(1)).mappings().one()
    return {**row, "id": world.deps.new_id()}


@pytest.mark.parametrize("model", [AuditEvent, AuthorizationRequest, Grant], ids=["event", "request", "grant"])
def test_a_row_that_is_added_comes_back_as_it_was(world: World, account_id: str, model: Any) -> None:
    if model is AuthorizationRequest:
        world.person().open(world.portal(world.agency()).authorize_url())
    table = table_of(model)
    row = _row_of(world, table)

    with world.server.app.app_context(), at_once() as db:
        assert add_to(table).run(db, row) == 1
        found = db.execute(select(table).where(table.c.id == row["id"])).mappings().one()

    assert dict(found) == row


def test_it_says_how_many_rows_it_changed(world: World) -> None:
    with world.server.app.app_context(), writing() as db:
        _ADD.run(db, _counter(world, "a"))
        assert (_MORE.run(db, {"b_key": "a"}), _MORE.run(db, {"b_key": "b"})) == (1, 0)


def test_a_unit_of_work_is_seen_by_others_when_it_is_done(world: World) -> None:
    with world.server.app.app_context():
        with writing() as db:
            before = _count(db)
            _ADD.run(db, _counter(world, "a"))
            with at_once() as other:
                assert _count(other) == before
        with at_once() as other:
            assert _count(other) == before + 1


def test_values_may_be_larger_than_those_before_or_missing(world: World, account_id: str) -> None:
    """A driver sends a small number as another type than a large one, and nothing as none."""
    event = _row_of(world, table_of(AuditEvent))
    add_event = add_to(table_of(AuditEvent))
    with world.server.app.app_context(), writing() as db:
        for place, attempts in enumerate((1, 70_000, 2)):
            assert _ADD.run(db, {**_counter(world, f"of {place}"), "attempts": attempts}) == 1
        for place, subject in enumerate(("somebody", None, "somebody")):
            assert add_event.run(db, {**event, "id": f"of {place}", "subject": subject}) == 1


def test_a_statement_that_the_server_was_told_to_forget_is_parsed_again(world: World, account_id: str) -> None:
    """The driver does so when a transaction is rolled back in which it prepared something itself."""
    if not world.postgresql:
        pytest.skip("SQLite parses each time")
    with world.server.app.app_context(), at_once() as db:
        assert _ACCOUNT.row(db, {"id": account_id}) is not None
        driver: Any = db.connection.driver_connection
        driver.execute("SELECT 1", prepare=True)
        driver.execute("BEGIN")
        driver.rollback()
        assert driver.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() == (0,)
        assert _ACCOUNT.row(db, {"id": account_id}) is not None


def _added_twice(world: World) -> None:
    with writing() as db:
        _ADD.run(db, _counter(world, "a"))
        _ADD.run(db, _counter(world, "a"))


def _given_up(world: World) -> None:
    with writing() as db:
        _ADD.run(db, _counter(world, "a"))
        raise WrongCredentials()


@pytest.mark.parametrize(("work", "failure"), [(_added_twice, IntegrityError), (_given_up, WrongCredentials)])
def test_of_a_unit_of_work_that_fails_nothing_is_left(world: World, work: Any, failure: type[Exception]) -> None:
    with world.server.app.app_context():
        with at_once() as db:
            before = _count(db)
        with pytest.raises(failure):
            work(world)
        with writing() as db:  # on a connection that is as good as new
            assert _count(db) == before
            _ADD.run(db, _counter(world, "a"))
        with at_once() as db:
            assert _count(db) == before + 1


def test_whoever_listens_hears_a_unit_of_work_begin(world: World) -> None:
    with world.statements(("BEGIN", "COMMIT", "UPDATE")) as heard, world.server.app.app_context(), writing() as db:
        _MORE.run(db, {"b_key": "a"})

    assert [statement.split()[0] for statement in heard] == ["BEGIN", "UPDATE", "COMMIT"]
