"""Chromium at the pages: one browser for each test process, a fresh profile for each visitor.

The pages do not depend on the database, so this folder runs on SQLite alone. A machine without Chromium skips it and
says so; where CI is set that is a failure.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.visitor import PHONE, Visitor
from tests.support.mailbox import Mailbox
from tests.support.world import ProviderServer, World

_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # nobody is asked for the names of the world's portals
]
Visit = Callable[..., Visitor]


@pytest.fixture(scope="session")
def provider(tmp_path_factory: pytest.TempPathFactory, mailbox: Mailbox) -> Iterator[ProviderServer]:
    """The provider on SQLite only."""
    server = ProviderServer(f"sqlite:///{tmp_path_factory.mktemp('browser') / 'idp.sqlite'}", mailbox)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("Chromium is not installed: `make install` installs it")
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_ARGUMENTS)
        yield browser
        browser.close()


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
