"""The second thread of an import: writes what is ready, in order, while the lines that come after it are read and made.

Half of an import is waiting for the database. One piece of work at a time is under way, and none is handed over before
the one before it is done: what fails is told at once, and memory holds two batches.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context


class Writer:
    def __init__(self) -> None:
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
