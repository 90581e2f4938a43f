"""Every step of the schema, from every version that was released, while the program before goes on serving.

Two programs are proven in two ways (decision 0031): the program of today on the schema of before, with people on its
pages; and any older one by its statements in miniature, made from its own tables as the database describes them.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from idp import migrations
from idp.migrations import releases
from tests.faults.catalogue import fault
from tests.support.acts import ask_for_account, confirm
from tests.support.mailbox import Mailbox
from tests.support.world import ProviderServer, World

RELEASED = [step.number for step in releases.steps()[:-1]]
# The oldest schema that the program of today works on as it is: what came later is only used by `idp db`.
TOLERATED = "0004"


def _up_to(number: str, folder: Path) -> Path:
    """The steps of an older release."""
    folder.mkdir()
    for path in releases.VERSIONS.glob("[0-9]*_*.py"):
        if path.name[:4] <= number:
            shutil.copy(path, folder)
    return folder


class Meanwhile:
    """Does something again and again in a thread until the block ends; what failed is raised then."""

    def __init__(self, act: Callable[[], None]) -> None:
        self._act, self._over, self.times = act, threading.Event(), 0
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            while not self._over.is_set():
                self._act()
                self.times += 1
        except BaseException as error:  # noqa: BLE001 - raised at the end of the block
            self._error = error

    def once_more(self) -> None:
        """Wait until it was done twice: once at least from its beginning to its end after this moment."""
        goal = self.times + 2
        while self.times < goal and self._thread.is_alive():
            self._over.wait(0.01)

    def __enter__(self) -> Meanwhile:
        self._thread.start()
        self.once_more()
        return self

    def __exit__(self, *_: object) -> None:
        self.once_more()
        self._over.set()
        self._thread.join()
        if self._error is not None:
            raise self._error


class OldProgram:
    """The statements of a program that knows the tables as they are now: a row of each, added, read, changed, deleted."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        tables = sa.MetaData()
        tables.reflect(engine)
        self._tables = [
            table for table in tables.sorted_tables if table.name not in ("alembic_version", "schema_steps")
        ]
        self._count = 0
        with engine.begin() as connection:
            self.kept = self._add(connection)

    def _add(self, connection: sa.Connection) -> dict[str, dict[str, Any]]:
        self._count += 1
        rows: dict[str, dict[str, Any]] = {}
        for table in self._tables:
            rows[table.name] = {column.name: self._value(column, rows) for column in table.columns}
            connection.execute(table.insert(), rows[table.name])
        return rows

    def _value(self, column: sa.Column[Any], rows: dict[str, dict[str, Any]]) -> Any:
        for reference in column.foreign_keys:
            return rows[reference.column.table.name][reference.column.name]
        kind = column.type
        if isinstance(kind, sa.JSON) or (isinstance(kind, sa.Text) and column.name == "parameters"):
            return {}
        if isinstance(kind, sa.DateTime):
            return datetime(2026, 1, 1, tzinfo=UTC) if kind.timezone else datetime(2026, 1, 1)
        if isinstance(kind, sa.Boolean):
            return False
        if isinstance(kind, sa.Integer):
            return 1000 + self._count
        if isinstance(kind, sa.LargeBinary):
            return b"\x00"
        return f"{self._count:x}"[: getattr(kind, "length", None) or 20]

    def works(self) -> None:
        """A day of the program: everything is added, read with its columns by name, changed, and deleted again."""
        with self._engine.begin() as connection:
            rows = self._add(connection)
            for table in self._tables:
                same = sa.and_(*(column == rows[table.name][column.name] for column in table.primary_key))
                assert connection.execute(sa.select(table).where(same)).one()
                rest = {
                    column.name: rows[table.name][column.name] for column in table.columns if not column.primary_key
                }
                if rest:
                    connection.execute(table.update().where(same).values(rest))
            for table in reversed(self._tables):
                same = sa.and_(*(column == rows[table.name][column.name] for column in table.primary_key))
                connection.execute(table.delete().where(same))

    def stored(self) -> dict[str, list[Any]]:
        with self._engine.connect() as connection:
            return {table.name: sorted(map(str, connection.execute(sa.select(table)))) for table in self._tables}


@fault("X27")
@pytest.mark.parametrize("released", RELEASED)
def test_a_program_of_each_release_works_during_the_upgrade_and_after_it(
    app: Flask, url: str, released: str, tmp_path: Path
) -> None:
    migrations.upgrade(app, versions=_up_to(released, tmp_path / "released"))
    engine = sa.create_engine(url, connect_args={"timeout": 60} if url.startswith("sqlite") else {})
    old = OldProgram(engine)
    before = old.stored()

    with Meanwhile(old.works):
        migrations.upgrade(app)

    old.works()
    assert old.stored() == before
    found = migrations.status(app)
    assert found.fits
    assert found.up_to_date or found.waiting
    engine.dispose()


@fault("X27")
def test_people_are_served_while_their_database_is_upgraded(
    app: Flask, url: str, tmp_path: Path, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrations.upgrade(app, versions=_up_to(TOLERATED, tmp_path / "released"))
    newest = migrations.upgrade
    monkeypatch.setattr(
        migrations, "upgrade", lambda *_, **__: None
    )  # the server of this test begins on the old schema
    server = ProviderServer(url, mailbox)
    monkeypatch.setattr(migrations, "upgrade", newest)
    world = World(server)
    letter, _ = world.member()
    portal = world.portal(letter)

    def lives() -> None:
        person = world.signed_in(letter)
        tokens = portal.redeem(person.open(portal.authorize_url()).response.headers["location"])
        assert tokens.status_code == 200
        assert portal.refresh(tokens.json()["refresh_token"]).status_code == 200
        new = world.letter()
        assert confirm(world, ask_for_account(world, new), new.email).status < 500

    try:
        with Meanwhile(lives):
            done = subprocess.run(
                [sys.executable, "-m", "tests.migrations", url, str(releases.VERSIONS)],
                cwd=Path(__file__).parents[2],
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
        assert migrations.status(app).up_to_date
    finally:
        server.stop()
