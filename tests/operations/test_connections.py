"""Connections that wait in the pool, and statements that are whole in themselves (idp/database.py)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DataError, IntegrityError

from idp.app import create_app
from idp.database import at_once, db, transaction
from idp.database_app import create_database_app
from idp.engine import connections_in_use, engine_options, prepare
from idp.grants import store as grants
from idp.oidc.authorize import store as codes
from idp.ready import Ready
from idp.sessions.store import SignedIn
from tests.support.world import HTTP, World


def test_a_connection_that_the_server_ended_meanwhile_is_replaced_unseen(world: World) -> None:
    """After a restart of the database every connection of the pool is dead; nobody must be told of it."""
    if not world.postgresql:
        pytest.skip("SQLite has no server")
    query = f"{world.base}/login?{world.agency().query}"
    assert HTTP.get(query).status_code == 200
    with world.transaction() as db:
        others = "datname = current_database() AND pid <> pg_backend_pid()"
        db.execute(text(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {others}"))
    for _ in range(3):
        assert HTTP.get(query).status_code == 200


@pytest.fixture
def given(world: World):
    """A grant to be made, of a sign-in that lasts, and the code that would follow from it."""
    _, account_id = world.member()
    with world.reading() as db:
        found = "SELECT id, sid, account_id FROM sessions WHERE account_id = :id"
        session = db.execute(text(found), {"id": account_id}).one()
    now = world.clock()
    new = grants.NewGrant(world.deps.new_id(), "portal", None, "openid", now, now + timedelta(days=1))
    signed_in = SignedIn(*session, email="", authenticated_at=now, last_seen_at=now)
    code = codes.code_row(
        digest=world.deps.new_token(256),
        grant_id=new.id,
        client_id="portal",
        redirect_uri="https://portail.exemple.fr/",
        code_challenge="",
        nonce="",
        expires_at=now,
    )
    return new, signed_in, code


def _made(world: World, grant_id: str) -> tuple[int, int]:
    """Grants and codes."""
    with world.reading() as db:
        of = {"id": grant_id}
        return (
            db.execute(text("SELECT count(*) FROM grants WHERE id = :id"), of).scalar_one(),
            db.execute(text("SELECT count(*) FROM authorization_codes WHERE grant_id = :id"), of).scalar_one(),
        )


def test_what_follows_from_a_deed_is_added_with_it(world: World, given) -> None:
    new, signed_in, code = given
    with world.server.app.app_context(), at_once() as db:
        assert grants.create(db, new, signed_in, adding=code)
    assert _made(world, new.id) == (1, 1)


def test_nothing_follows_from_a_deed_that_was_not_done(world: World, given) -> None:
    new, signed_in, code = given
    with world.server.app.app_context(), at_once() as db:
        assert not grants.create(db, new, replace(signed_in, sid="ended"), adding=code)
    assert _made(world, new.id) == (0, 0)


def test_a_deed_is_not_done_where_what_follows_is_refused(world: World, given) -> None:
    new, signed_in, code = given
    with world.server.app.app_context():
        with at_once() as db:
            grants.create(db, new, signed_in, adding=code)
        second = replace(new, id=world.deps.new_id())
        with pytest.raises(IntegrityError), at_once() as db:
            grants.create(db, second, signed_in, adding=code)  # the same code again
    assert _made(world, second.id) == (0, 0)


def test_a_deed_is_undone_with_the_transaction_around_it(world: World, given) -> None:
    new, signed_in, code = given

    def fail() -> None:
        with transaction() as db:
            assert grants.create(db, new, signed_in, adding=code)
            raise RuntimeError

    with world.server.app.app_context(), pytest.raises(RuntimeError):
        fail()
    assert _made(world, new.id) == (0, 0)


def test_a_connection_that_had_another_isolation_level_commits_each_statement_again(world: World) -> None:
    """SQLAlchemy gives it back with the driver's own transactions on, in which a statement alone would be lost."""
    if not world.postgresql:
        pytest.skip("SQLite has no isolation levels")
    settings = world.server.settings.model_copy(update={"database_pool_size": 1})
    engine = create_engine(settings.database_url.get_secret_value(), **engine_options(settings))
    prepare(engine)
    for _ in range(2):
        with engine.connect().execution_options(isolation_level="SERIALIZABLE") as connection:
            connection.execute(text("SELECT 1"))
        with engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            assert driver.autocommit
    engine.dispose()


def _driver_of(connection: Connection) -> int:
    return id(connection.connection.driver_connection)


def test_a_connection_of_the_hot_paths_waits_for_the_next_who_asks_and_counts_as_free_meanwhile(world: World) -> None:
    with world.server.app.app_context():
        with at_once() as connection:
            first = _driver_of(connection)
            assert connections_in_use(db.engine) >= 1
        with at_once() as connection:
            assert _driver_of(connection) == first
        db.session.remove()
        assert connections_in_use(db.engine) == 0


def test_no_more_connections_wait_than_the_pool_keeps(world: World) -> None:
    engine = create_engine(
        world.server.settings.database_url.get_secret_value(),
        **engine_options(world.server.settings) | {"pool_size": 2},
    )
    prepare(engine)
    ready: Ready = engine.get_execution_options()["idp_ready"]
    taken = [ready.take() for _ in range(4)]
    for connection in taken:
        ready.give(connection)

    assert len(ready) == 2
    assert connections_in_use(engine) == 0
    engine.dispose()
    assert len(ready) == 0


def test_a_connection_on_which_something_failed_does_not_wait_with_the_others(world: World, given) -> None:
    """The pool takes it, which makes sure that nothing is left of what failed."""
    new, signed_in, code = given
    with world.server.app.app_context():
        ready: Ready = db.engine.get_execution_options()["idp_ready"]
        with at_once():
            before = len(ready)
        with pytest.raises(IntegrityError), at_once() as connection:
            grants.create(connection, new, replace(signed_in, account_id="nobody"), adding=code)
        assert len(ready) == before
        db.engine.dispose()


def test_the_hot_paths_of_a_service_never_plan_to_read_whole_tables(world: World) -> None:
    """A plan made for an empty table is kept by its connection while the table fills."""
    if not world.postgresql:
        pytest.skip("SQLite plans each time")
    made = {"Index Scan": create_app(world.server.settings), "Seq Scan": create_database_app(world.server.settings)}
    for plan, app in made.items():
        with app.app_context():
            with at_once() as connection:
                assert _plan(connection) == plan
            db.engine.dispose()


def test_a_connection_that_goes_back_to_the_pool_plans_by_cost_again(world: World) -> None:
    """Other statements join and pick rows: without the costs of reading a table the planner took any plan."""
    if not world.postgresql:
        pytest.skip("SQLite plans each time")
    app = create_app(world.server.settings)
    with app.app_context():
        with at_once() as connection:
            given_up = _driver_of(connection)
        with pytest.raises(DataError), at_once() as connection:
            connection.execute(text("SELECT 1 / 0"))
        with db.engine.connect() as connection:
            assert _driver_of(connection) == given_up
            assert _plan(connection) == "Seq Scan"
        db.engine.dispose()


def test_what_a_command_committed_outlasts_a_power_cut(world: World) -> None:
    """Letters of an import are on the disk when their passwords must be."""
    if world.postgresql:
        pytest.skip("PostgreSQL waits for the disk, unless it is told otherwise")
    app = create_database_app(world.server.settings)
    with app.app_context(), at_once() as connection:
        assert connection.execute(text("PRAGMA synchronous")).scalar_one() == 2  # FULL
        db.engine.dispose()


def _plan(connection: Connection) -> str:
    """Of reading a row of an empty table."""
    connection.execute(text("CREATE TEMPORARY TABLE IF NOT EXISTS empty (id text PRIMARY KEY)"))
    connection.execute(text("ANALYZE empty"))
    first = connection.execute(text("EXPLAIN SELECT 1 FROM empty WHERE id = 'x'")).scalars().first()
    return "Index Scan" if "Index" in str(first) else "Seq Scan"
