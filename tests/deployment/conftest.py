"""One deployed provider for the tests of this folder, on SQLite: what is tested here is in front of any database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.front import Front
from tests.support.mailbox import Mailbox
from tests.support.world import World


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory, mailbox: Mailbox) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp("front")
    made = Front(f"sqlite:///{folder / 'idp.sqlite'}", mailbox, folder)
    yield made
    made.stop()


@pytest.fixture
def deployed(front: Front) -> Iterator[World]:
    """The world whose people and portals come through nginx."""
    made = World(front)
    yield made
    made.close()
