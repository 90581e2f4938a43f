"""The schema: `idp.migrations` and `idp db`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy import text

from idp import migrations
from idp.database import db
from idp.database_app import create_database_app
from idp.migrations import SchemaError, Status
from idp.oidc.keys.flow import ALGORITHMS
from idp.settings import Settings
from tests.cli.terminal import Terminal

_NAMES = iter(range(1000))


@pytest.fixture(params=["sqlite", "postgresql"])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    """An application on a database without any schema."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'empty.sqlite'}"
    else:
        new_database: Callable[[str], str] = request.getfixturevalue("new_database")
        url = new_database(f"schema_{next(_NAMES)}")
    made = create_database_app(Settings.model_validate({"database_url": url}))
    yield made
    with made.app_context():
        db.engine.dispose()


def test_models_and_migrations_agree(app: Flask) -> None:
    migrations.upgrade(app)
    with app.app_context(), db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, db.metadata) == []


def test_the_head_that_file_names_tell_is_alembics() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations.HERE))
    assert ScriptDirectory.from_config(config).get_heads() == [migrations.head()]


def test_upgrading_twice_changes_nothing_the_second_time(app: Flask) -> None:
    assert migrations.upgrade(app) == Status(None, migrations.head(), fits=False)
    assert migrations.upgrade(app) == Status(migrations.head(), migrations.head(), fits=True)
    migrations.require_current(app)


def test_upgrades_at_once_do_not_collide(app: Flask) -> None:
    """Two hosts that start a new release together: one upgrades, the others wait and find nothing to do."""
    barrier, before, failures = threading.Barrier(4), [], []

    def upgrade() -> None:
        barrier.wait()
        try:
            before.append(migrations.upgrade(app).current)
        except Exception as error:  # noqa: BLE001 - told below
            failures.append(error)

    threads = [threading.Thread(target=upgrade) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert before.count(None) == 1


@pytest.mark.parametrize(("stored", "advice"), [("0000", "idp db upgrade"), ("9999", "newer program")])
def test_a_schema_of_another_version_is_refused_with_advice(app: Flask, stored: str, advice: str) -> None:
    migrations.upgrade(app)
    with app.app_context(), db.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :stored"), {"stored": stored})
    with pytest.raises(SchemaError, match=advice):
        migrations.require_current(app)


@pytest.mark.parametrize(("oldest_program", "may_serve"), [(migrations.head(), True), ("9999", False)])
def test_a_program_serves_on_a_newer_schema_that_was_made_for_it_too(
    app: Flask, oldest_program: str, may_serve: bool
) -> None:
    migrations.upgrade(app)
    with app.app_context(), db.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.execute(text(f"INSERT INTO schema_steps VALUES ('9999', '{oldest_program}', '2026-01-01 00:00:00')"))

    assert migrations.status(app).fits is may_serve


def test_commands_refuse_a_database_without_schema(
    no_settings: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("IDP_DATABASE_URL", f"sqlite:///{tmp_path / 'new.sqlite'}")
    idp = Terminal()
    answer = idp.run("customers", "list")
    assert answer.code == 1
    assert "run `idp db upgrade`" in answer.sentence
    assert idp.run("db", "check").code == 4
    assert idp.ok("db", "status") == {
        "current": None,
        "head": migrations.head(),
        "up_to_date": False,
        "fits": False,
    }
    assert idp.run("db", "upgrade", "--dry-run").code == 0
    assert idp.run("db", "check").code == 4
    assert idp.run("db", "upgrade").code == 0
    assert idp.run("db", "check").code == 0
    assert idp.ok("customers", "list") == []


def test_an_upgrade_makes_the_first_signing_keys(
    no_settings: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("IDP_DATABASE_URL", f"sqlite:///{tmp_path / 'new.sqlite'}")
    idp = Terminal()
    idp.run("db", "upgrade")
    idp.run("db", "upgrade")
    assert sorted(key["algorithm"] for key in idp.ok("keys", "list")) == sorted(ALGORITHMS)
