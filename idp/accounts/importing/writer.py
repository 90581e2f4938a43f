"""The second thread of an import: writes what is ready, in order, while the lines that come after it are read and made.

Half of an import is waiting for the database. One piece of work at a time is under way, and none is handed over before
the one before it is done: what fails is told at once, and memory holds two batches.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context

# Seconds after which a thread that works lets one go on that has heard from the database, which it does forty times a batch:
# the interpreter's own 5 ms, each time, were as long as the whole batch.
_TURN = 0.0002


class Writer:
    """One a process: until it is closed, all its threads change turns more often."""

    def __init__(self) -> None:
        self._turn_before = sys.getswitchinterval()
        sys.setswitchinterval(_TURN)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="import-writer")
        self._working: Future[None] | None = None

    def put(self, work: Callable[[], None]) -> None:
        """Begin this once the work before it is done. Raises what that raised."""
        self.finish()
        # In the caller's context, which is where its database is.
        self._working = self._thread.submit(copy_context().run, work)

    def finish(self) -> None:
        """Wait until all is done. Raises what the work raised."""
        working, self._working = self._working, None
        if working is not None:
            working.result()

    def close(self) -> None:
        """Wait for the work that is under way, and end the thread."""
        self._thread.shutdown()
        sys.setswitchinterval(self._turn_before)
