"""The schema: its steps (Alembic), moving a database to the newest one, and refusing to run on one that does not fit.

`versions/NNNN_title.py` are the steps, in the order of their numbers; `releases.py` says which programs may serve on
each, `online.py` is what they are made of; `env.py` is what Alembic runs. Programs call `require_current` when they
start: a service on a schema that does not fit would fail somewhere in the middle of a person's sign-in, and a sentence
at start is better. `docs/cli.md` says how a step is added, `docs/operating.md` how an upgrade is done.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError

from idp.database import db
from idp.engine import WRITING
from idp.migrations import releases
from idp.migrations.releases import VERSIONS, Step

HERE = Path(__file__).parent
# Any constant: what two programs that upgrade the same PostgreSQL database at once agree to wait for.
_ADVISORY_LOCK = 0x1D9_5C_4E_3A
# A statement that waits for a lock makes all later ones on the table wait behind it: people would. So it gives up soon,
# and tries again when whoever was in the way may have gone.
LOCK_TIMEOUT_SECONDS = 2
_ATTEMPTS = 30


class SchemaError(Exception):
    """The database is not at a version that fits this program; the message says what to do."""


@dataclass(frozen=True)
class Status:
    """Versions of the schema. current: the database's, None when it has no schema yet; head: this program's newest.

    fits: this program may serve on it. waiting: the next step takes away what programs before this one need.
    """

    current: str | None
    head: str
    fits: bool
    waiting: bool = False

    @property
    def up_to_date(self) -> bool:
        return self.current == self.head


def head() -> str:
    """The newest version of this program, from the names of its files."""
    return releases.steps()[-1].number


def status(app: Flask, *, versions: Path = VERSIONS) -> Status:
    """Which version the database is at, and which this program needs. Raises OperationalError when it is away."""
    with app.app_context(), db.engine.connect() as connection:
        return _status(connection, releases.steps(versions))


def _status(connection: Connection, known: tuple[Step, ...]) -> Status:
    current, newest = _current(connection), known[-1].number
    if current is None or current < releases.needed(known):
        fits = False
    elif current <= newest:
        fits = True
    else:
        oldest = _oldest_program(connection, current)
        fits = oldest is not None and oldest <= newest
    waiting = current is not None and current < newest and not releases.due(known, current, contract=False)
    return Status(current, newest, fits, waiting)


def require_current(app: Flask) -> None:
    """Raises SchemaError unless this program may serve on the database as it is."""
    found = status(app)
    if found.fits:
        return
    if found.current is None:
        raise SchemaError(f"the database has no schema yet, this program needs {found.head}: run `idp db upgrade`")
    if found.current > found.head:
        raise SchemaError(
            f"the database is at {found.current}, this program only knows {found.head}: run a newer program"
        )
    how = "idp db upgrade --contract" if found.waiting else "idp db upgrade"
    raise SchemaError(f"the database is at {found.current}, this program needs {found.head}: run `{how}`")


def upgrade(app: Flask, *, contract: bool = False, versions: Path = VERSIONS) -> Status:
    """Bring the database forward, step by step, while programs serve; returns the status before.

    contract: also take away what older programs need, since none of them runs any more. Each step is committed with its
    number: whatever is killed when, the status is true and the next run goes on. Two programs that upgrade at once do
    not collide: the second waits, then finds nothing to do. Raises SchemaError for a database that is newer than this
    program, OperationalError when a lock could not be had for a minute.
    """
    known = releases.steps(versions)
    with app.app_context(), _alone(db.engine.connect()) as connection:
        before = _status(connection, known)
        if before.current is not None and before.current > before.head and not before.fits:
            raise SchemaError(f"the database is at {before.current}, this program only knows {before.head}")
        if connection.dialect.name == "postgresql":
            connection.commit()  # what only read; each step has a transaction of its own
        for step in releases.due(known, before.current, contract=contract):
            _patiently(connection, step, versions)
        return before


def _patiently(connection: Connection, step: Step, versions: Path) -> None:
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            _run(connection, step, versions)
            return
        except OperationalError as error:
            # 55P03: somebody had the table for longer than we may wait; 40P01: each waited for the other.
            if getattr(error.orig, "sqlstate", None) not in ("55P03", "40P01") or attempt == _ATTEMPTS:
                raise
            connection.rollback()
            time.sleep(min(attempt / 10, 1))


def _run(connection: Connection, step: Step, versions: Path) -> None:
    from alembic import command  # slow to import, and most programs only ask for the status
    from alembic.config import Config

    config = Config()
    for name, value in {"script_location": HERE, "version_locations": versions, "path_separator": "os"}.items():
        config.set_main_option(name, str(value).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["done"] = lambda: _note(connection, step)
    command.upgrade(config, step.number)


def _note(connection: Connection, step: Step) -> None:
    """In the transaction of the step's number: who may serve from now on."""
    if not inspect(connection).has_table("schema_steps"):
        return  # it comes with a later step
    values: dict[str, Any] = {"number": step.number, "oldest": step.oldest_program, "now": datetime.now(UTC)}  # noqa: TID251 - no Deps here
    connection.execute(
        text("INSERT INTO schema_steps (number, oldest_program, done_at) VALUES (:number, :oldest, :now)"), values
    )


@contextmanager
def _alone(connection: Connection) -> Iterator[Connection]:
    """A connection that no other upgrade shares: SQLite's write lock, or an advisory lock of PostgreSQL."""
    if connection.dialect.name == "postgresql":
        with connection:
            # A long step must not hit the time-out of ordinary statements; and one whose program was killed must not go
            # on alone in the server.
            connection.execute(text("SET statement_timeout = 0"))
            connection.execute(text("SET idle_in_transaction_session_timeout = 0"))
            connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT_SECONDS}s'"))
            connection.execute(text("SET client_connection_check_interval = '1s'"))
            connection.commit()
            # Asked again and again: a statement that waited here would be waited for by CREATE INDEX CONCURRENTLY.
            while not connection.execute(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": _ADVISORY_LOCK}).scalar():
                connection.commit()
                time.sleep(0.2)
            connection.commit()
            try:
                yield connection
            finally:
                connection.invalidate()  # its settings and its lock go with it
        return
    with connection:
        # SQLite changes a column by rebuilding its table; with foreign keys on, dropping the old one would delete
        # the rows that refer to it. The switch only works outside a transaction, so before the first statement.
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.execute("PRAGMA foreign_keys=OFF")
        try:
            connection.execution_options(**WRITING)
            with connection.begin():
                yield connection
                broken = connection.execute(text("PRAGMA foreign_key_check")).fetchall()
                if broken:
                    raise SchemaError(f"the upgrade would break {len(broken)} references; nothing was changed")
        finally:
            driver.execute("PRAGMA foreign_keys=ON")


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.execute(text("SELECT max(version_num) FROM alembic_version")).scalar_one()
    return version


def _oldest_program(connection: Connection, current: str) -> str | None:
    """Which program a newer one left in: None where its newest step does not say so."""
    if not inspect(connection).has_table("schema_steps"):
        return None
    number, oldest = connection.execute(text("SELECT max(number), max(oldest_program) FROM schema_steps")).one()
    return oldest if number == current else None
