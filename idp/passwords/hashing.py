"""Keeping passwords: bcrypt over a keyed pre-hash, in a few threads that work when nobody else wants the processor.

The pre-hash (HMAC-SHA256 under a key that is not in the database) lets every character count, where bcrypt stops at 72
bytes, and makes a stolen database useless alone. Hashing is the scarce resource of the whole service (decision 0036):
some passwords are hashed at once, some wait in a fair queue (`queue.py`), and the rest is answered 503 at once. A
request that waits only holds a thread of its own; bcrypt holds no lock of Python's, and its threads stand back.
"""

from __future__ import annotations

import base64
import hmac
import os
import re
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext, suppress
from time import perf_counter
from typing import Any, TypeVar

import bcrypt

from idp import metrics, spans
from idp.digests import Digests, Kind, same
from idp.errors import Overloaded
from idp.passwords.policy import normalised
from idp.passwords.queue import OURSELVES, Asker, FairQueue

Result = TypeVar("Result")
# Steps below the rest of the process, of the kernel's 40: while tokens want the whole processor, hashing gets a tenth of it.
NICE = 10
_NOT_TYPED = re.compile(r"[^A-Z0-9]")
_KEYED = "keyed$"  # marks a digest of a generated password: random, so a fast keyed hash is enough


class _Task:
    """Some hashing, and who waits for it. waited: seconds, until its turn."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self.future: Future[Any] = Future()
        self._work = work
        self._began = perf_counter()
        self.waited = 0.0
        metrics.hashing_waits(1)

    def run(self) -> None:
        metrics.hashing_waits(-1)
        self.waited = perf_counter() - self._began
        metrics.hashing_waited(self.waited)
        try:
            self.future.set_result(self._work())
        except Exception as error:  # noqa: BLE001 - raised again in the thread that waits for it
            self.future.set_exception(error)

    def refuse(self) -> None:
        metrics.hashing_waits(-1)
        self.future.set_exception(_overloaded())


def _overloaded() -> Overloaded:
    return Overloaded(retry_after_seconds=5)


def _stand_back() -> None:
    """Let this thread work only where others leave the processor: on Linux a thread has a priority of its own."""
    if sys.platform.startswith("linux"):
        own = os.getpriority(os.PRIO_PROCESS, 0)
        with suppress(PermissionError):  # a sandbox may forbid it; then hashing competes as an equal
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), min(19, own + NICE))


class Hasher:
    """Hashes and verifies. Thread-safe; one a process, whose threads begin with the first password.

    cost: bcrypt's work factor (log2). concurrency: hashes at once. queue_limit: callers that may wait. aside: what a caller
    is in while it waits.
    """

    def __init__(
        self,
        digests: Digests,
        *,
        cost: int,
        concurrency: int,
        queue_limit: int,
        aside: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self._aside = aside
        self._digests = digests
        self._cost = cost
        self._concurrency = concurrency
        # Well-formed and of the same cost, so as slow as a real one; no password has it.
        self._decoy = f"$2b${cost:02d}${'.' * 53}"
        self._lock = threading.Lock()
        self._busy = 0
        self._queue: FairQueue[_Task] = FairQueue(queue_limit)
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="hashing", initializer=_stand_back)

    def hash(self, password: str, by: Asker = OURSELVES) -> str:
        """bcrypt hash, 60 characters. Raises Overloaded when too many callers wait."""
        prehash = self._prehash(password)
        with spans.step("password hash"):
            return self._done(by, lambda: bcrypt.hashpw(prehash, bcrypt.gensalt(self._cost))).decode()

    def verify(self, password: str, stored: str | None, by: Asker = OURSELVES) -> bool:
        """Whether the password is the stored one. Unknown (None), generated and chosen passwords take the same time.

        Raises Overloaded when too many callers wait.
        """
        slow = stored if stored is not None and not stored.startswith(_KEYED) else None
        prehash, against = self._prehash(password), (slow or self._decoy).encode()
        with spans.step("password verify"):
            matches = self._done(by, lambda: bcrypt.checkpw(prehash, against))
        if slow is not None:
            return matches
        return stored is not None and same(stored, self.keyed(password))

    def require_room(self, by: Asker) -> None:
        """Raises Overloaded when this asker would be turned away now: before anything is asked of the database."""
        with self._lock:
            full = self._busy >= self._concurrency and not self._queue.has_room(by)
        if full:
            metrics.hashing_refused()
            raise _overloaded()

    def keyed(self, password: str) -> str:
        """Digest of a password with 60 bits of randomness or more, as generated for letters; costs microseconds."""
        typed = _NOT_TYPED.sub("", password.upper())  # as read from paper: any case, with or without dashes
        return _KEYED + self._digests.digest(Kind.PROVISIONAL_PASSWORD, typed)

    def needs_rehash(self, stored: str) -> bool:
        """Whether the stored hash was made with another cost than today's."""
        return not stored.startswith(f"$2b${self._cost:02d}$")

    def _done(self, by: Asker, work: Callable[[], Result]) -> Result:
        """What the work returns, when its turn has come. Raises Overloaded."""
        task = _Task(work)
        gone: _Task | None = None
        with self._lock:
            at_once = self._busy < self._concurrency
            if at_once:
                self._busy += 1
            else:
                gone = self._queue.put(by, task)
        if at_once:
            self._pool.submit(self._run, task)
        if gone is not None:
            metrics.hashing_refused()
            gone.refuse()
        with self._aside():
            result: Result = task.future.result()
        spans.note("idp.hashing.waited_seconds", task.waited)
        return result

    def _run(self, task: _Task) -> None:
        """One after the other, as long as somebody waits."""
        while True:
            task.run()
            with self._lock:
                if not self._queue:
                    self._busy -= 1
                    return
                task = self._queue.take()

    def _prehash(self, password: str) -> bytes:
        key = self._digests.key(Kind.PASSWORD)
        return base64.b64encode(hmac.digest(key, normalised(password).encode("utf-8", "surrogatepass"), "sha256"))
