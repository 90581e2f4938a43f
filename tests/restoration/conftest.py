"""A provider of its own, whose database can be put back to where it was."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from idp.database import db
from idp.restoration.epochs import steps as epochs
from tests.cli.terminal import Terminal
from tests.support import postgres
from tests.support.mailbox import Mailbox
from tests.support.world import ProviderServer, World

_NAMES = itertools.count()


class Restorable:
    """A world that can be backed up and put back. `url` is its database; `idp` an operator's terminal at it."""

    def __init__(self, url: str, mailbox: Mailbox, new_url: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.url = url
        self.server = ProviderServer(url, mailbox)
        self.world = World(self.server)
        self._new_url, self._monkeypatch = new_url, monkeypatch
        self.idp = Terminal()
        self._monkeypatch.setenv("IDP_DATABASE_URL", url)
        with self.server.app.app_context():
            epochs.begin(self.server.deps)

    def put_back(self, file: Path) -> None:
        """The backup in a new database, and the provider on it, as if nobody had thought of anything else."""
        self.url = self._new_url()
        if self.url.startswith("sqlite"):
            shutil.copy(file, self.url.removeprefix("sqlite:///"))
        else:
            programs = postgres.installed()
            assert programs is not None
            address = urlsplit(self.url)
            subprocess.run(
                [
                    str(programs / "pg_restore"),
                    "--no-owner",
                    "--exit-on-error",
                    "-d",
                    address.path.strip("/"),
                    str(file),
                ],
                env={**os.environ, "PGHOST": str(address.hostname), "PGPORT": str(address.port), "PGUSER": "idp"},
                check=True,
            )
        with self.server.app.app_context():
            db.engine.dispose()
        self.server.settings = self.server.settings.model_copy(update={"database_url": SecretStr(self.url)})
        self._monkeypatch.setenv("IDP_DATABASE_URL", self.url)
        self.server.restart()
        self.world = World(self.server)


@pytest.fixture(params=["sqlite", "postgresql"])
def place(
    request: pytest.FixtureRequest, tmp_path: Path, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Restorable]:
    names = itertools.count()

    def new_url() -> str:
        if request.param == "sqlite":
            return f"sqlite:///{tmp_path / f'{next(names)}.sqlite'}"
        new_database: Callable[[str], str] = request.getfixturevalue("new_database")
        return new_database(f"restore_{next(_NAMES)}")

    for name in list(os.environ):
        if name.startswith("IDP_"):
            monkeypatch.delenv(name)
    made = Restorable(new_url(), mailbox, new_url, monkeypatch)
    yield made
    made.server.stop()
