"""Something that goes on beside an upgrade."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Meanwhile:
    """Does something again and again in a thread until the block ends; what failed is raised then."""

    def __init__(self, act: Callable[[], None]) -> None:
        self._act, self._over, self.times = act, threading.Event(), 0
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            while not self._over.is_set():
                self._act()
                self.times += 1
        except BaseException as error:  # noqa: BLE001 - raised at the end of the block
            self._error = error

    def once_more(self) -> None:
        """Wait until it was done twice: once at least from its beginning to its end after this moment."""
        goal = self.times + 2
        while self.times < goal and self._thread.is_alive():
            self._over.wait(0.01)

    def __enter__(self) -> Meanwhile:
        self._thread.start()
        self.once_more()
        return self

    def __exit__(self, *_: object) -> None:
        self.once_more()
        self._over.set()
        self._thread.join()
        if self._error is not None:
            raise self._error
