"""A provider and a mailbox of its own for each database, where software may register itself, with the two agencies in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.isolation.scene import Scene, scene_of
from tests.support.installed import installations, provider_on
from tests.support.mailbox import Mailbox
from tests.support.world import World


@pytest.fixture(scope="module", params=installations())
def scene(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    new_database: Callable[[str], str],
) -> Iterator[Scene]:
    mailbox = Mailbox()  # each test reads all of it, which in the one that all tests share are thousands of mails
    folder = tmp_path_factory.mktemp("isolation")
    server = provider_on(request.param, folder, mailbox, new_database, IDP_REGISTRATION="token")
    yield scene_of(World(server))
    server.stop()
    mailbox.stop()
