"""The providers that chaos happens to: one on each database, with a clock that only chaos moves."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.mailbox import Mailbox
from tests.support.world import Clock, ProviderServer, World

SEEDS = int(os.environ.get("CHAOS_SEEDS", "194"))
FIRST = int(os.environ.get("CHAOS_FROM", "0"))
IN_CHROMIUM = int(os.environ.get("CHAOS_CHROMIUM", "6"))


class OwnClock(Clock):
    """A millisecond later each time it is asked, so that a slow machine plays the same script."""

    def __init__(self) -> None:
        super().__init__()
        self._start = datetime.now(UTC)
        self._asked = itertools.count()

    def __call__(self) -> datetime:
        return self._start + self.shift + timedelta(milliseconds=next(self._asked))


@pytest.fixture(scope="session")
def chaotic(
    tmp_path_factory: pytest.TempPathFactory, mailbox: Mailbox, new_database: Callable[[str], str]
) -> Iterator[Callable[[int], World]]:
    """A fresh world for a seed: the even ones on SQLite, the odd ones on PostgreSQL."""
    servers: dict[int, ProviderServer] = {}

    def world(seed: int) -> World:
        kind = seed % 2
        if kind not in servers:
            folder: Path = tmp_path_factory.mktemp("chaos")
            url = new_database("chaos") if kind else f"sqlite:///{folder / 'idp.sqlite'}"
            servers[kind] = ProviderServer(url, mailbox, clock=OwnClock())
        return World(servers[kind])

    yield world
    for server in servers.values():
        server.stop()
