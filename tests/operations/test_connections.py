"""Connections that wait in the pool, and statements that are whole in themselves (idp/database.py)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError

from idp.database import at_once, engine_options, prepare, transaction
from idp.grants import store as grants
from idp.oidc.authorize import store as codes
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
        sid = db.execute(text("SELECT sid FROM sessions WHERE account_id = :id"), {"id": account_id}).scalar_one()
    now = world.clock()
    new = grants.NewGrant(
        world.deps.new_id(), account_id, "portal", sid, None, "openid", now, now, now + timedelta(days=1)
    )
    code = codes.code_row(
        digest=world.deps.new_token(256),
        grant_id=new.id,
        client_id="portal",
        redirect_uri="https://portail.exemple.fr/",
        code_challenge="",
        nonce="",
        expires_at=now,
    )
    return new, code


def _made(world: World, grant_id: str) -> tuple[int, int]:
    """Grants and codes."""
    with world.reading() as db:
        of = {"id": grant_id}
        return (
            db.execute(text("SELECT count(*) FROM grants WHERE id = :id"), of).scalar_one(),
            db.execute(text("SELECT count(*) FROM authorization_codes WHERE grant_id = :id"), of).scalar_one(),
        )


def test_what_follows_from_a_deed_is_added_with_it(world: World, given) -> None:
    new, code = given
    with world.server.app.app_context(), at_once() as db:
        assert grants.create(db, new, adding=code)
    assert _made(world, new.id) == (1, 1)


def test_nothing_follows_from_a_deed_that_was_not_done(world: World, given) -> None:
    new, code = given
    with world.server.app.app_context(), at_once() as db:
        assert not grants.create(db, replace(new, sid="ended"), adding=code)
    assert _made(world, new.id) == (0, 0)


def test_a_deed_is_not_done_where_what_follows_is_refused(world: World, given) -> None:
    new, code = given
    with world.server.app.app_context():
        with at_once() as db:
            grants.create(db, new, adding=code)
        second = replace(new, id=world.deps.new_id())
        with pytest.raises(IntegrityError), at_once() as db:
            grants.create(db, second, adding=code)  # the same code again
    assert _made(world, second.id) == (0, 0)


def test_a_deed_is_undone_with_the_transaction_around_it(world: World, given) -> None:
    new, code = given

    def fail() -> None:
        with transaction() as db:
            assert grants.create(db, new, adding=code)
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
