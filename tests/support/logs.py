"""What is logged while something happens: in this process every record whole, of the deployed service its files and nginx's."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from idp.logs import JsonLines
from tests.support.front import Front
from tests.support.world import World

# Whose records are ours: what a test's own HTTP client and browser say is not.
_OURS = ("idp", "authlib", "flask", "sqlalchemy")


@contextmanager
def logged(world: World) -> Iterator[Callable[[], list[str]]]:
    """Yields what tells the lines so far, as JsonLines writes them; of the deployed service also nginx's, which are JSON too.

    In this process at level DEBUG, below what a service logs.
    """
    if isinstance(world.server, Front):
        front, since = world.server, world.server.lengths()
        yield lambda: front.written(since)
        return
    told = io.StringIO()
    handler = logging.StreamHandler(told)
    handler.setFormatter(JsonLines())
    loggers = [logging.getLogger(name) for name in _OURS]
    before = [one.level for one in loggers]
    for one in loggers:
        one.addHandler(handler)
        one.setLevel(logging.DEBUG)
    try:
        yield lambda: [line for line in told.getvalue().split("\n") if line]
    finally:
        for one, level in zip(loggers, before, strict=True):
            one.removeHandler(handler)
            one.setLevel(level)
