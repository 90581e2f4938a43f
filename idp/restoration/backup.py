"""Writing the whole database to a file, as it is at one instant, while everybody goes on."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tempfile
from contextlib import closing
from pathlib import Path

from sqlalchemy.engine import URL, make_url

_PAGES = 1000  # of 4 KiB, between which writers get their turn


class NoBackup(Exception):
    """The backup could not be made; the message says why. No file is left behind."""


def write(database_url: str, file: Path) -> None:
    """The backup is complete when the file has its name: it is written beside it, and renamed. Raises NoBackup."""
    url = make_url(database_url)
    partial = file.with_name(f"{file.name}.partial")
    partial.unlink(missing_ok=True)
    os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        if url.get_backend_name() == "sqlite":
            _sqlite(url, partial)
        else:
            _postgresql(url, partial)
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        partial.rename(file)
    finally:
        partial.unlink(missing_ok=True)


def _sqlite(url: URL, partial: Path) -> None:
    """SQLite's own online backup: begun again by itself when somebody writes meanwhile."""
    assert url.database is not None
    with (
        closing(sqlite3.connect(f"file:{Path(url.database).absolute()}?mode=rw", uri=True)) as source,
        closing(sqlite3.connect(partial)) as target,
    ):
        source.backup(target, pages=_PAGES)
        if target.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            raise NoBackup("the copy is not whole: `PRAGMA integrity_check` says so")


def _postgresql(url: URL, partial: Path) -> None:
    program = shutil.which("pg_dump")
    if program is None:
        raise NoBackup("pg_dump is not installed: it comes with the client programs of PostgreSQL")
    # As the service connects: several hosts, TLS, `target_session_attrs`. By a file of our own and the environment, since
    # everybody on the host reads the arguments of a program.
    where = dict(url.get_dialect()().create_connect_args(url)[1])
    password = where.pop("password", None)
    environ = {**os.environ, **({} if password is None else {"PGPASSWORD": str(password)})}
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as service:
        service.write("[idp]\n" + "".join(f"{name}={value}\n" for name, value in where.items()))
        service.flush()
        done = subprocess.run(  # noqa: S603 - fixed arguments
            [program, "--format=custom", "--lock-wait-timeout=60s", f"--file={partial}"],
            env={**environ, "PGSERVICEFILE": service.name, "PGSERVICE": "idp"},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        raise NoBackup(f"pg_dump refused: {lines[0] if lines else done.returncode}")
