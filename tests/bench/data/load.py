"""Putting a data set into a database: COPY on PostgreSQL, many rows at a time on SQLite.

On PostgreSQL keys and indexes are taken off before and put back after: an index that grows row by row in random order
is read and written again and again once it is larger than the memory, and ten million people would take a day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

from flask import Flask
from sqlalchemy import text
from sqlalchemy.engine import Connection

from idp.database import db
from tests.bench.data import rows
from tests.bench.data.rows import Plan, Row

_LINES = 2000
_PLACES = """
SELECT conrelid::regclass::text AS holder, conname AS name, contype::text AS kind, pg_get_constraintdef(oid) AS definition
FROM pg_constraint WHERE contype IN ('p', 'u', 'f') AND connamespace = 'public'::regnamespace
AND (conrelid::regclass::text = ANY(:names) OR confrelid::regclass::text = ANY(:names))
"""
_INDEXES = """
SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename = ANY(:names)
AND indexname NOT IN (SELECT conname FROM pg_constraint)
"""


def load(app: Flask, plan: Plan, told: Callable[[str], None]) -> None:
    """Fill the tables of a database that has none of these rows. told: is given a word on each table as it is done."""
    with app.app_context():
        engine = db.engine
    if engine.dialect.name == "sqlite":
        with engine.begin() as connection:
            for name, (columns, made) in rows.tables(plan).items():
                _insert(connection, name, columns, made(plan))
        return
    wanted = rows.tables(plan)
    # The time-out of ordinary statements is not for these.
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for setting in ("statement_timeout = 0", "synchronous_commit = off", "maintenance_work_mem = '1GB'"):
            connection.execute(text(f"SET {setting}"))
        with _bare(connection, list(wanted), told):
            for name, (columns, made) in wanted.items():
                _copy(connection, name, columns, made(plan))
                told(f"{name}: rows")
        connection.execute(text("VACUUM (ANALYZE, FREEZE)"))
        connection.execute(text("CHECKPOINT"))


def _insert(connection: Connection, name: str, columns: tuple[str, ...], made: Iterator[Row]) -> None:
    places = ", ".join(f":{column}" for column in columns)
    statement = text(f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({places})")
    while some := list(islice(made, _LINES)):
        connection.execute(statement, [dict(zip(columns, row, strict=True)) for row in some])


def _copy(connection: Connection, name: str, columns: tuple[str, ...], made: Iterator[Row]) -> None:
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY {name} ({', '.join(columns)}) FROM STDIN") as copy:
        while some := list(islice(made, _LINES)):
            # Nothing here holds a tab, a line end or a backslash, which COPY's text format would have to escape.
            lines = ["\t".join([r"\N" if cell is None else str(cell) for cell in row]) for row in some]
            copy.write("\n".join([*lines, ""]))


@contextmanager
def _bare(connection: Connection, names: list[str], told: Callable[[str], None]) -> Iterator[None]:
    """The tables without keys and indexes; they are put back as they were."""
    places = connection.execute(text(_PLACES), {"names": names}).all()
    indexes = connection.execute(text(_INDEXES), {"names": names}).all()
    for kinds in ("f", "pu"):
        for holder, name, kind, _ in places:
            if kind in kinds:
                connection.execute(text(f'ALTER TABLE {holder} DROP CONSTRAINT "{name}"'))
    for name, _ in indexes:
        connection.execute(text(f'DROP INDEX "{name}"'))
    yield
    for kinds in ("pu", "f"):
        for holder, name, kind, definition in places:
            if kind in kinds:
                connection.execute(text(f'ALTER TABLE {holder} ADD CONSTRAINT "{name}" {definition}'))
        told("keys" if kinds == "pu" else "references")
    for _, definition in indexes:
        connection.execute(text(definition))
    told("indexes")
