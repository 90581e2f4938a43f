"""Keeping passwords: bcrypt over a keyed pre-hash, in a bounded number of threads.

The pre-hash (HMAC-SHA256 under a key that is not in the database) lets every character count, where bcrypt stops at 72
bytes, and makes a stolen database useless alone. Hashing is the scarce resource of the whole service, so each worker
hashes a few at once, lets some wait, and answers 503 to the rest rather than starve the token endpoint.
"""

from __future__ import annotations

import base64
import hmac
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

import bcrypt

from idp import metrics
from idp.digests import Digests, Kind, same
from idp.errors import Overloaded
from idp.passwords.policy import normalised

_KEYED = "keyed$"  # marks a digest of a generated password: random, so a fast keyed hash is enough


class Hasher:
    """Hashes and verifies. Thread-safe; one a process.

    cost: bcrypt's work factor (log2). concurrency: hashes at once. queue_limit: callers that may wait.
    """

    def __init__(self, digests: Digests, *, cost: int, concurrency: int, queue_limit: int) -> None:
        self._digests = digests
        self._cost = cost
        self._running = threading.BoundedSemaphore(concurrency)
        self._admitted = threading.BoundedSemaphore(concurrency + queue_limit)
        # Well-formed and of the same cost, so as slow as a real one; no password has it.
        self._decoy = f"$2b${cost:02d}${'.' * 53}"

    def hash(self, password: str) -> str:
        """bcrypt hash, 60 characters. Raises Overloaded when too many callers wait."""
        with self._turn():
            return self._bcrypt(password)

    def verify(self, password: str, stored: str | None) -> bool:
        """Whether the password is the stored one. Unknown (None), generated and chosen passwords take the same time.

        Raises Overloaded when too many callers wait.
        """
        slow = stored if stored is not None and not stored.startswith(_KEYED) else None
        with self._turn():
            matches = bcrypt.checkpw(self._prehash(password), (slow or self._decoy).encode())
        if slow is not None:
            return matches
        return stored is not None and same(stored, self.keyed(password))

    def keyed(self, password: str) -> str:
        """Digest of a password with 60 bits of randomness or more, as generated for letters; costs microseconds."""
        typed = re.sub(r"[^A-Z0-9]", "", password.upper())  # as read from paper: any case, with or without dashes
        return _KEYED + self._digests.digest(Kind.PROVISIONAL_PASSWORD, typed)

    def needs_rehash(self, stored: str) -> bool:
        """Whether the stored hash was made with another cost than today's."""
        return not stored.startswith(f"$2b${self._cost:02d}$")

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """A place in the queue, or Overloaded at once; then a turn."""
        if not self._admitted.acquire(blocking=False):
            metrics.hashing_refused()
            raise Overloaded(retry_after_seconds=5)
        try:
            metrics.hashing_waits(1)
            began = perf_counter()
            with self._running:
                metrics.hashing_waits(-1)
                metrics.hashing_waited(perf_counter() - began)
                yield
        finally:
            self._admitted.release()

    def _bcrypt(self, password: str) -> str:
        return bcrypt.hashpw(self._prehash(password), bcrypt.gensalt(self._cost)).decode()

    def _prehash(self, password: str) -> bytes:
        key = self._digests.key(Kind.PASSWORD)
        return base64.b64encode(hmac.digest(key, normalised(password).encode("utf-8", "surrogatepass"), "sha256"))
