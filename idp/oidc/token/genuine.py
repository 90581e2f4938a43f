"""Tokens that were found to be signed by us, remembered for a while.

An API asks about the same access token with each request that it gets, and verifying its signature took as long as a third
of everything else in the answer. Only what cannot change is kept: which key signed, and what was signed. Whether that key
may still sign, the token has expired and the grant behind it stands, is looked at each time.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from idp.oidc.keys.keyring import Key

MOST = 1000  # tokens; a kilobyte or two each


@dataclass(frozen=True, slots=True)
class Genuine:
    """A token that was verified. kind: `typ` of its header. claims: nobody changes them."""

    key: Key
    kind: str
    claims: Mapping[str, Any]


class Remembered:
    """The tokens verified last, by digest, so that none can be read out of this process's memory; for any thread.

    What was forged is not kept: whoever sends many drives nothing genuine out.
    """

    def __init__(self) -> None:
        self._found: dict[bytes, Genuine] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._found)

    def get(self, token: str) -> Genuine | None:
        return self._found.get(_digest(token))

    def put(self, token: str, genuine: Genuine) -> None:
        with self._lock:
            if len(self._found) >= MOST:
                del self._found[next(iter(self._found))]  # the oldest: a dict keeps the order of what is put in
            self._found[_digest(token)] = genuine


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
