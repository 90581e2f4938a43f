"""Fixtures of the tests of the command line and of the import: an upgraded database, and a terminal on it."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import text

from idp.database import db
from idp.database_app import create_database_app
from idp.settings import Settings
from tests.cli.terminal import Terminal

_KEPT = ("alembic_version", "signing_keys")
_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def upgraded_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database at the present version, to be copied."""
    path = tmp_path_factory.mktemp("template") / "idp.sqlite"
    _upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def upgraded_postgres(request: pytest.FixtureRequest) -> Callable[[], str]:
    """Gives the address of an empty PostgreSQL database at the present version, the same one each time."""
    address: list[str] = []

    def give() -> str:
        if not address:
            new_database = cast("Callable[[str], str]", request.getfixturevalue("new_database"))
            # Two folders of tests take this fixture, and each has its own instance.
            address.append(new_database(f"operator_{next(_NUMBERS)}"))
            _upgrade(address[0])
        _empty(address[0])
        return address[0]

    return give


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the machine reaches the test; hashes are cheap."""
    for name in list(os.environ):
        if name.startswith("IDP_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("IDP_BCRYPT_COST", "4")


@pytest.fixture(params=["sqlite", "postgresql"])
def idp(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Terminal:
    """A terminal on an empty database, on each of the two."""
    if request.param == "sqlite":
        url = _copied(request.getfixturevalue("upgraded_sqlite"), tmp_path)
    else:
        url = request.getfixturevalue("upgraded_postgres")()
    request.getfixturevalue("no_settings")
    monkeypatch.setenv("IDP_DATABASE_URL", url)
    return Terminal()


@pytest.fixture
def sqlite_idp(upgraded_sqlite: Path, no_settings: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Terminal:
    """A terminal where the kind of database makes no difference."""
    monkeypatch.setenv("IDP_DATABASE_URL", _copied(upgraded_sqlite, tmp_path))
    return Terminal()


def _copied(template: Path, folder: Path) -> str:
    shutil.copy(template, folder / "idp.sqlite")
    return f"sqlite:///{folder / 'idp.sqlite'}"


def _upgrade(url: str) -> None:
    from idp import migrations
    from idp.cli.context import light_deps
    from idp.oidc.keys import steps as keys

    settings = Settings.model_validate({"database_url": url})
    app = create_database_app(settings)
    migrations.upgrade(app)
    with app.app_context():
        keys.ensure(light_deps(settings))
        db.engine.dispose()


def _empty(url: str) -> None:
    app = create_database_app(Settings.model_validate({"database_url": url}))
    with app.app_context():
        # A TRUNCATE makes new files for every table and index: fifteen times the work, where there are a few rows or none.
        names = [table.name for table in reversed(db.metadata.sorted_tables) if table.name not in _KEPT]
        with db.engine.begin() as connection:
            connection.execute(text(";".join(f'DELETE FROM "{name}"' for name in names)))
        db.engine.dispose()
