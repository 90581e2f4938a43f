"""Expand and contract: which steps run when, online, and again after they were killed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine, create_engine, inspect, text

from idp import migrations
from idp.database import db
from idp.migrations import releases
from idp.settings import ROOT
from tests.faults.catalogue import fault

CHAIN = Path(__file__).parent / "chain"
PEOPLE = 4000


@pytest.fixture
def engine(app: Flask, url: str, tmp_path: Path) -> Engine:
    """A database at the first step of the chain, with people in it; its own connections."""
    first = tmp_path / "first"
    first.mkdir()
    shutil.copy(CHAIN / "0001_first.py", first)
    migrations.upgrade(app, versions=first)
    made = create_engine(url)
    with made.begin() as connection:
        rows = [{"id": f"p{number:04}", "name": f"Lea {number}"} for number in range(PEOPLE)]
        connection.execute(text("INSERT INTO people (id, name) VALUES (:id, :name)"), rows)
    yield made  # type: ignore[misc]
    made.dispose()


def _greeted(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(
            connection.execute(text("SELECT count(*) FROM people WHERE greeting = 'Bonjour ' || name")).scalar_one()
        )


def test_an_upgrade_stops_before_what_older_programs_need(app: Flask, engine: Engine) -> None:
    before = migrations.upgrade(app, versions=CHAIN)

    assert (before.current, before.fits, before.waiting) == ("0001", False, False)
    found = migrations.status(app, versions=CHAIN)
    assert (found.current, found.fits, found.waiting) == ("0002", True, True)
    assert _greeted(engine) == PEOPLE
    migrations.upgrade(app, versions=CHAIN)
    assert migrations.status(app, versions=CHAIN).current == "0002"


def test_the_rest_goes_when_no_older_program_runs(app: Flask, engine: Engine) -> None:
    migrations.upgrade(app, versions=CHAIN, contract=True)

    found = migrations.status(app, versions=CHAIN)
    assert (found.current, found.fits, found.waiting) == ("0003", True, False)
    with engine.connect() as connection:
        assert {column["name"] for column in inspect(connection).get_columns("people")} == {"id", "greeting"}
        noted = connection.execute(text("SELECT number, oldest_program FROM schema_steps ORDER BY number")).all()
    assert [tuple(row) for row in noted] == [("0002", "0001"), ("0003", "0002")]


def test_an_empty_database_gets_everything_at_once(app: Flask) -> None:
    migrations.upgrade(app, versions=CHAIN)

    assert migrations.status(app, versions=CHAIN).current == "0003"


@fault("X28")
@pytest.mark.parametrize("place", ["column", "index", "half"])
def test_an_upgrade_that_was_killed_tells_the_truth_and_is_done_again(
    app: Flask, engine: Engine, url: str, place: str
) -> None:
    upgrade = subprocess.Popen(
        [sys.executable, "-m", "tests.migrations", url, str(CHAIN)],
        cwd=ROOT,
        env={**os.environ, "STOP_AT": place},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with upgrade:
        assert upgrade.stdout is not None
        assert upgrade.stdout.readline() == "stopped\n"
        upgrade.kill()

    assert migrations.status(app, versions=CHAIN).current == "0001"
    migrations.upgrade(app, versions=CHAIN)

    assert migrations.status(app, versions=CHAIN).current == "0002"
    assert _greeted(engine) == PEOPLE
    assert [index["name"] for index in inspect(engine).get_indexes("people")] == ["ix_people_name"]


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_an_index_that_was_left_half_made_is_made_anew(app: Flask, engine: Engine, url: str) -> None:
    """A killed CREATE INDEX CONCURRENTLY leaves an index that costs each write and serves no read."""
    with engine.connect() as somebody, engine.connect() as killed:
        somebody.execute(text("UPDATE people SET name = 'Lea' WHERE id = 'p0001'"))
        killed = killed.execution_options(isolation_level="AUTOCOMMIT")
        killed.execute(text("SET statement_timeout = 300"))
        with pytest.raises(Exception, match="statement timeout"):
            killed.execute(text("CREATE INDEX CONCURRENTLY ix_people_name ON people (name)"))
        somebody.rollback()

    migrations.upgrade(app, versions=CHAIN)

    with engine.connect() as connection:
        valid = connection.execute(
            text("SELECT indisvalid FROM pg_index WHERE indexrelid = 'ix_people_name'::regclass")
        )
        assert valid.scalar_one() is True


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_an_upgrade_waits_for_who_is_in_the_way_without_stopping_the_others(
    app: Flask, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ALTER TABLE waits for every transaction on the table, and everybody who comes later waits behind it."""
    monkeypatch.setattr(migrations, "LOCK_TIMEOUT_SECONDS", 0.2)
    upgrade = threading.Thread(target=migrations.upgrade, args=(app,), kwargs={"versions": CHAIN})
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'ALTER TABLE people%'"
    )
    with engine.connect() as somebody, engine.connect() as other:
        somebody.execute(text("SELECT count(*) FROM people")).scalar_one()
        upgrade.start()
        while not other.execute(waiting).scalar_one():
            other.rollback()
        other.execute(text("SET statement_timeout = '20s'"))
        assert other.execute(text("SELECT count(*) FROM people")).scalar_one() == PEOPLE  # after 0.2 s at most
        assert migrations.status(app, versions=CHAIN).current == "0001"
        other.rollback()
        somebody.rollback()
        upgrade.join()

    assert migrations.status(app, versions=CHAIN).current == "0002"


def test_a_step_says_which_programs_may_serve_on_it(tmp_path: Path) -> None:
    (tmp_path / "0001_first.py").write_text("")
    (tmp_path / "0002_silent.py").write_text('revision = "0002"\n')
    with pytest.raises(ValueError, match=r"0002_silent\.py does not say"):
        releases.steps(tmp_path)


def test_numbers_of_the_programs_own_steps_are_in_order() -> None:
    known = releases.steps()
    assert [step.number for step in known] == [f"{place:04}" for place in range(1, len(known) + 1)]
    assert all(step.oldest_program <= step.number for step in known)
    assert db.metadata.tables["schema_steps"] is not None
