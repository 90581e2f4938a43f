"""One demonstration for the tests that only use it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from idp.demo.world import SITUATIONS
from tests.demo.running import RunningDemo
from tests.demo.visitor import PHONE, Visitor

Visit = Callable[..., Visitor]


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    running = RunningDemo(tmp_path_factory.mktemp("demo")).started()
    yield running
    running.stop()


@pytest.fixture
def visit(demo: RunningDemo, chromium: Browser) -> Iterator[Visit]:
    """Opens a browser of a new visitor; what went wrong in any of them fails the test."""
    visitors: list[Visitor] = []

    def make(viewport: tuple[int, int] = PHONE, **options: object) -> Visitor:
        visitors.append(Visitor(demo, chromium, viewport, **options))
        return visitors[-1]

    yield make
    for visitor in visitors:
        visitor.context.close()
    for visitor in visitors:
        assert not visitor.problems, visitor.problems


@pytest.fixture
def letters(demo: RunningDemo) -> Callable[..., dict[str, Any]]:
    """Gives letters that no other test has, of an agency, with a suggested address."""

    def take(client: str = "ADB", societe: str = "TLS01") -> dict[str, Any]:
        for letter in demo.told["letters"]:
            fits = (letter["client"], letter["societe"]) == (client, societe) and letter["email"]
            if fits and letter["provisional_identifier"] not in _SHOWN and letter not in _TAKEN:
                _TAKEN.append(letter)
                return dict(letter)
        raise AssertionError(f"no letter left at {client}/{societe}")

    return take


_SHOWN = tuple(SITUATIONS)
_TAKEN: list[dict[str, Any]] = []
