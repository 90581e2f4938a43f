"""Every step of the schema, from every version that was released, while a program of that version goes on working.

An older program stands here by its statements in miniature, made from its own tables as the database describes them;
`test_two_programs.py` runs the very one before (decision 0031).
"""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from idp import migrations
from idp.migrations import releases
from tests.faults.catalogue import fault
from tests.migrations.meanwhile import Meanwhile

RELEASED = [step.number for step in releases.steps()[:-1]]


def _up_to(number: str, folder: Path) -> Path:
    """The steps of an older release."""
    folder.mkdir()
    for path in releases.VERSIONS.glob("[0-9]*_*.py"):
        if path.name[:4] <= number:
            shutil.copy(path, folder)
    return folder


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
