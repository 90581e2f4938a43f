"""Chromium at the pages: a fresh profile for each visitor. The pages do not depend on the database: SQLite alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser

from tests.browser.visitor import PHONE, Visitor
from tests.support.mailbox import Mailbox
from tests.support.world import ProviderServer, World

Visit = Callable[..., Visitor]

collect_ignore = [] if os.environ.get("IDP_SCREENS") else ["test_documentation.py"]  # pictures are made on request


@pytest.fixture(scope="session")
def provider(tmp_path_factory: pytest.TempPathFactory, mailbox: Mailbox) -> Iterator[ProviderServer]:
    """The provider on SQLite only."""
    server = ProviderServer(f"sqlite:///{tmp_path_factory.mktemp('browser') / 'idp.sqlite'}", mailbox)
    yield server
    server.stop()


@pytest.fixture
def visit(world: World, chromium: Browser) -> Iterator[Visit]:
    """Opens a browser of a new visitor; more than one makes several devices. What went wrong in any fails the test."""
    with ExitStack() as closing:
        visitors: list[Visitor] = []

        def make(viewport: tuple[int, int] = PHONE, **options: object) -> Visitor:
            visitor = Visitor(world, chromium, viewport, **options)
            closing.callback(visitor.close)
            visitors.append(visitor)
            return visitor

        yield make
        for visitor in visitors:
            assert not visitor.problems, visitor.problems
