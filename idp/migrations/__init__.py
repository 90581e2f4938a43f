"""The schema: its versions (Alembic), moving a database to the newest one, and refusing to run on any other.

`versions/NNNN_title.py` are the steps, in the order of their numbers; `env.py` is what Alembic runs. Programs call
`require_current` when they start: a service on an older or a newer schema than its own would fail somewhere in the
middle of a person's sign-in, and a sentence at start is better. `docs/cli.md` says how a step is added.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flask import Flask
from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection

from idp.database import _WRITES, db

HERE = Path(__file__).parent
# Any constant: what two programs that upgrade the same PostgreSQL database at once agree to wait for.
_ADVISORY_LOCK = 0x1D9_5C_4E_3A


class SchemaError(Exception):
    """The database is not at this program's version; the message says what to do."""


@dataclass(frozen=True)
class Status:
    """Versions of the schema. current: the database's, None when it has no schema yet; head: this program's."""

    current: str | None
    head: str

    @property
    def up_to_date(self) -> bool:
        return self.current == self.head


def head() -> str:
    """The newest version of this program, from the names of its files: reading them with Alembic takes 0.3 s."""
    return max(path.name for path in (HERE / "versions").glob("[0-9]*_*.py")).partition("_")[0]


def status(app: Flask) -> Status:
    """Which version the database is at, and which this program needs. Raises OperationalError when it is away."""
    with app.app_context(), db.engine.connect() as connection:
        return Status(_current(connection), head())


def require_current(app: Flask) -> None:
    """Raises SchemaError unless the database is exactly at this program's version."""
    found = status(app)
    if found.current is None:
        raise SchemaError(f"the database has no schema yet, this program needs {found.head}: run `idp db upgrade`")
    if found.up_to_date:
        return
    if found.current > found.head:
        raise SchemaError(
            f"the database is at {found.current}, this program only knows {found.head}: run a newer program"
        )
    raise SchemaError(f"the database is at {found.current}, this program needs {found.head}: run `idp db upgrade`")


def upgrade(app: Flask) -> Status:
    """Bring the database to the newest version, in one transaction; returns the status before.

    Two programs that upgrade at once do not collide: the second waits, then finds nothing to do.
    Raises SchemaError for a database that is newer than this program.
    """
    from alembic import command  # slow to import, and most programs only ask for the status
    from alembic.config import Config

    with app.app_context(), _alone(db.engine.connect()) as connection:
        before = Status(_current(connection), head())
        if before.current is not None and before.current > before.head:
            raise SchemaError(f"the database is at {before.current}, this program only knows {before.head}")
        if not before.up_to_date:
            config = Config()
            config.set_main_option("script_location", str(HERE).replace("%", "%%"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        return before


@contextmanager
def _alone(connection: Connection) -> Iterator[Connection]:
    """A transaction that no other upgrade shares: SQLite's write lock, or an advisory lock of PostgreSQL."""
    if connection.dialect.name == "postgresql":
        with connection, connection.begin():
            # Waiting for another program's upgrade, or a long step, must not hit the time-out of ordinary statements.
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ADVISORY_LOCK})
            yield connection
        return
    with connection:
        # SQLite changes a column by rebuilding its table; with foreign keys on, dropping the old one would delete
        # the rows that refer to it. The switch only works outside a transaction, so before the first statement.
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.execute("PRAGMA foreign_keys=OFF")
        try:
            connection.execution_options(**{_WRITES: True})
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
