"""How many requests of a worker run at once, apart from how many threads it has.

Python runs one thread at a time: a few that take turns answer faster than many that push each other aside. But a thread
that waits for a password to be hashed must not keep anybody else waiting, so it gives its turn away meanwhile, and
there are threads enough for those (`idp serve`). Portals' token requests are answered as if nobody signed in.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    Wsgi = Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]


class Turns:
    """count: requests at once."""

    def __init__(self, count: int) -> None:
        # A queue, since its waiting is done without Python's help and first come is first served.
        self._free: SimpleQueue[None] = SimpleQueue()
        for _ in range(count):
            self._free.put(None)
        self._mine = threading.local()

    def around(self, application: Wsgi) -> Wsgi:
        """The application, one request for each turn. Its answers are whole when it returns: none is made bit by bit."""

        def one_by_one(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            self._free.get()
            self._mine.turn = True
            try:
                return application(environ, start_response)
            finally:
                self._mine.turn = False
                self._free.put(None)

        return one_by_one

    @contextmanager
    def given_away(self) -> Iterator[None]:
        """While this thread only waits, another request has its turn. Nothing for a thread that has none."""
        if not getattr(self._mine, "turn", False):
            yield
            return
        self._free.put(None)
        self._mine.turn = False
        try:
            yield
        finally:
            self._free.get()
            self._mine.turn = True
