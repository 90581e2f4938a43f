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

import bcrypt

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
        with _Place(self._admitted), self._running:
            return self._bcrypt(password)

    def verify(self, password: str, stored: str | None) -> bool:
        """Whether the password is the stored one. Unknown (None), generated and chosen passwords take the same time.

        Raises Overloaded when too many callers wait.
        """
        slow = stored if stored is not None and not stored.startswith(_KEYED) else None
        with _Place(self._admitted), self._running:
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

    def _bcrypt(self, password: str) -> str:
        return bcrypt.hashpw(self._prehash(password), bcrypt.gensalt(self._cost)).decode()

    def _prehash(self, password: str) -> bytes:
        key = self._digests.key(Kind.PASSWORD)
        return base64.b64encode(hmac.digest(key, normalised(password).encode("utf-8", "surrogatepass"), "sha256"))


class _Place:
    """A place in the queue, or Overloaded at once."""

    def __init__(self, admitted: threading.BoundedSemaphore) -> None:
        self._admitted = admitted

    def __enter__(self) -> None:
        if not self._admitted.acquire(blocking=False):
            raise Overloaded(retry_after_seconds=5)

    def __exit__(self, *_: object) -> None:
        self._admitted.release()
