"""A provider of its own for each database, where software may register itself, with the two agencies in it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.isolation.scene import Scene, scene_of
from tests.support.mailbox import Mailbox
from tests.support.world import ProviderServer, World

_NAMES = itertools.count()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def scene(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, mailbox: Mailbox
) -> Iterator[Scene]:
    if request.param == "sqlite":
        folder: Path = tmp_path_factory.mktemp("isolation")
        url = f"sqlite:///{folder / 'idp.sqlite'}"
    else:
        new_database: Callable[[str], str] = request.getfixturevalue("new_database")
        url = new_database(f"isolation_{next(_NAMES)}")
    server = ProviderServer(url, mailbox, IDP_REGISTRATION="token")
    yield scene_of(World(server))
    server.stop()
