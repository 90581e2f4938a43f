"""Databases of a test's own, at any step."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from idp.database import db
from idp.database_app import create_database_app
from idp.settings import Settings

_NAMES = itertools.count()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.sqlite'}"
    new_database: Callable[[str], str] = request.getfixturevalue("new_database")
    return new_database(f"steps_{next(_NAMES)}")


@pytest.fixture
def app(url: str) -> Iterator[Flask]:
    made = create_database_app(Settings.model_validate({"database_url": url}))
    yield made
    with made.app_context():
        db.engine.dispose()
