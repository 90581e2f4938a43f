"""How long one piece of work waits for the database, and how often it tries again; then people are told, within seconds.

The server's own limits (`statement_timeout`) do not help against a network that swallows what is sent, nor against many
slow statements in a row: so the waiting of a whole request is added up here, connecting included, and when its patience
is used up every further wait fails at once. Time in which passwords are hashed does not count. Who sets no patience
(the command line) waits for as long as the server lets it.

A transaction that the server gave up for another one's sake (a deadlock, a serialization failure) is tried again after a
moment, as long as nothing of the work was committed: what happens once could otherwise be taken for its own repetition.
"""

from __future__ import annotations

import functools
import logging
import random
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import ParamSpec, TypeVar

from sqlalchemy.exc import DBAPIError

log = logging.getLogger(__name__)
ATTEMPTS = 3
RETRY_AFTER_SECONDS = 10  # what whoever is told 503 should wait; longer than a database takes to restart
# The other one must get there first: it is only being woken when the row is free, and whoever comes back at once takes the
# row again, three times in a row on a busy machine. Of several that were given up each comes at another moment.
_PAUSE_SECONDS = (0.02, 0.1)
_GIVEN_UP = frozenset({"40001", "40P01"})  # serialization_failure, deadlock_detected (PostgreSQL, appendix A)

P = ParamSpec("P")
T = TypeVar("T")


class Turn:
    """One piece of work. left: seconds that it may still wait for the database. commits: of it so far."""

    __slots__ = ("commits", "left")

    def __init__(self, seconds: float) -> None:
        self.left = seconds
        self.commits = 0


_turn: ContextVar[Turn | None] = ContextVar("idp_turn", default=None)


def begin(seconds: float) -> None:
    """From now on, and until `end`, the database is waited for this long in all."""
    _turn.set(Turn(seconds))


def end() -> None:
    """The work is done: what this thread does next is patient without end until it says otherwise."""
    _turn.set(None)


def turn() -> Turn | None:
    """The work that this thread is at; None for work that is patient without end."""
    return _turn.get()


def committed() -> None:
    """Something was committed, which trying again would do twice."""
    current = _turn.get()
    if current is not None:
        current.commits += 1


def again(work: Callable[P, T]) -> Callable[P, T]:
    """Work that is done anew when the database gave up its transaction, three times in all at most."""

    @functools.wraps(work)
    def patient(*args: P.args, **kwargs: P.kwargs) -> T:
        current = _turn.get() or Turn(0)
        before = current.commits
        for _ in range(ATTEMPTS - 1):
            try:
                return work(*args, **kwargs)
            except DBAPIError as error:
                if current.commits != before or getattr(error.orig, "sqlstate", None) not in _GIVEN_UP:
                    raise
                log.info("transaction tried again", extra={"error": type(error.orig).__name__})
                time.sleep(random.uniform(*_PAUSE_SECONDS))  # noqa: S311 - not a secret
        return work(*args, **kwargs)

    return patient
