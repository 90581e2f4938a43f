"""The databases of a run: a PostgreSQL cluster of its own with the settings that it comes with, or an SQLite file.

Durability is PostgreSQL's default: an answer is sent when its commit is on the disk. Statements are counted by
pg_stat_statements, which is switched on for the counting alone.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.support import postgres

_OPTIONS = "-c shared_preload_libraries=pg_stat_statements"


class PostgreSQL:
    """A cluster at its defaults; folder: where it stays for the next run."""

    name = "postgresql"

    def __init__(self, folder: Path | None = None) -> None:
        self._cluster = postgres.Cluster(_OPTIONS, folder=folder)
        self.process: int | None = self._cluster.process
        self._track("none")

    def create(self, name: str) -> str:
        """The address of a database of this name, as SQLAlchemy takes it; made where it is not there yet."""
        with self._connected("postgres") as connection:
            there = connection.execute("SELECT FROM pg_database WHERE datname = %s", (name,)).fetchone()
            if there is None:
                connection.execute(f'CREATE DATABASE "{name}"')
        with self._connected(name) as connection:
            connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        return self._cluster.url(name)

    @contextmanager
    def counting(self, name: str) -> Iterator[list[int]]:
        """Counts the statements of a database meanwhile, BEGIN and COMMIT aside; one number once it has ended."""
        found: list[int] = []
        self._track("top")
        try:
            before = self._calls(name)
            yield found
            found.append(self._calls(name) - before)
        finally:
            self._track("none")

    def _track(self, which: str) -> None:
        with self._connected("postgres") as connection:
            connection.execute(f"ALTER SYSTEM SET pg_stat_statements.track = '{which}'")
            connection.execute("SELECT pg_reload_conf()")
            # Every process of the server reads its settings again before its next statement.
            connection.execute("SELECT pg_sleep(0.2)")

    def stop(self) -> None:
        self._cluster.stop()

    def _calls(self, name: str) -> int:
        with self._connected(name) as connection:
            row = connection.execute(
                "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid "
                "WHERE datname = %s AND query !~* '^(begin|commit|rollback|set|show|select.*pg_stat_statements)'",
                (name,),
            ).fetchone()
        assert row is not None
        return int(row[0])

    def _connected(self, name: str) -> psycopg.Connection:
        address = self._cluster.url(name).replace("+psycopg", "")
        return psycopg.connect(address, autocommit=True)


class SQLite:
    """A file in a folder of its own, as `idp serve` opens it."""

    name = "sqlite"
    process: int | None = None

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="idp-bench-")

    def create(self, name: str) -> str:
        return f"sqlite:///{self._folder.name}/{name}.sqlite"

    @contextmanager
    def counting(self, _name: str) -> Iterator[list[int]]:
        """SQLite counts nothing; tests assert the statements of both."""
        yield []

    def stop(self) -> None:
        self._folder.cleanup()


Database = PostgreSQL | SQLite
