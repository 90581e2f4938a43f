"""A PostgreSQL database whose roles are those of config/postgresql, under names of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from sqlalchemy import create_engine, text

from idp import migrations
from idp.cli.context import light_deps
from idp.database import db as flask_db
from idp.database_app import create_database_app
from idp.oidc.keys import steps as keys
from idp.settings import ROOT, Settings
from tests.support.world import Clock

SCRIPTS = ROOT / "config" / "postgresql"


class Roles:
    """An upgraded database whose roles are those of config/postgresql, under names of the test's own."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._prefix = f"{urlsplit(address).path.strip('/')}_"
        self.clock = Clock()
        self.run(_script("roles.sql"))
        with self.as_role("owner") as deps:
            migrations.upgrade(self.app)
            keys.ensure(deps)
        self.run(_script("audit.sql"), as_role="owner")

    def url(self, role: str) -> str:
        """The address of the database for a role: owner, app, purge."""
        parts = urlsplit(self._address)
        return urlunsplit(parts._replace(netloc=f"{self._prefix}{role}@{parts.netloc.rpartition('@')[2]}"))

    def run(self, statements: str, *, as_role: str | None = None) -> None:
        """SQL that names the roles as config/postgresql does; as an administrator, or as one of them."""
        engine = create_engine(self._address if as_role is None else self.url(as_role))
        with engine.begin() as connection:
            connection.execute(text(statements.replace("idp_", self._prefix)))
        engine.dispose()

    @contextmanager
    def as_role(self, role: str) -> Iterator[Any]:
        settings = Settings.model_validate({"database_url": self.url(role)})
        self.app = create_database_app(settings)
        with self.app.app_context():
            try:
                yield replace(light_deps(settings), now=self.clock)
            finally:
                flask_db.engine.dispose()


def _script(name: str) -> str:
    return (SCRIPTS / name).read_text(encoding="utf-8")
