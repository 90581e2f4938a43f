"""The keys of this process: parsed once, looked at again every few seconds for a rotation made elsewhere.

The public set is prepared as bytes, so that serving it costs nothing. An RSA key is parsed at its first use: that
costs a hundred signatures.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

import orjson
from sqlalchemy.exc import SQLAlchemyError

from idp.database import reading
from idp.deps import Deps
from idp.oidc import jose
from idp.oidc.jose import PrivateKey
from idp.oidc.keys import flow, store
from idp.oidc.keys.flow import RELOAD, StoredKey

log = logging.getLogger(__name__)
RELOAD_SECONDS = RELOAD.total_seconds()


class _Pair:
    """A key pair, parsed when it is needed."""

    def __init__(self, stored: StoredKey) -> None:
        self._stored = stored

    @cached_property
    def jwk(self) -> PrivateKey:
        return jose.parsed(json.loads(self._stored.private_jwk))

    @cached_property
    def signer(self) -> jose.Signer:
        return jose.Signer(self.jwk, self._stored.algorithm, self._stored.kid)


@dataclass(frozen=True)
class Key:
    """A key to work with: its instants, and the pair itself as `jwk`."""

    stored: StoredKey
    pair: _Pair

    @property
    def kid(self) -> str:
        return self.stored.kid

    @property
    def algorithm(self) -> str:
        return self.stored.algorithm

    @property
    def jwk(self) -> PrivateKey:
        return self.pair.jwk

    def sign(self, payload: bytes, kind: str) -> str:
        """A compact JWS. kind: the `typ` of its header."""
        return self.pair.signer.sign(payload, kind)


@dataclass(frozen=True)
class _Known:
    """What one reading found. keys: by `kid`. turns: by algorithm, the key that signs and between which instants."""

    keys: dict[str, Key] = field(default_factory=dict)
    turns: dict[str, tuple[Key, datetime, datetime]] = field(default_factory=dict)


class Keyring:
    """Thread-safe; `Keyring(deps)` reads nothing until it is asked."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._known = _Known()
        self._public = b'{"keys":[]}'
        self._etag = ""
        self._loaded_at = float("-inf")
        self._changes = 0
        self._lock = threading.Lock()

    def signing(self, algorithm: str) -> Key:
        """The key that signs now with this algorithm. Raises LookupError when there is none."""
        known, now = self._fresh(), self._deps.now()
        turn = known.turns.get(algorithm)
        if turn is None or not turn[1] <= now < turn[2]:
            stored = [key.stored for key in known.keys.values()]
            found = flow.current(stored, algorithm, now=now)
            if found is None:
                raise LookupError(f"no {algorithm} key: run `idp db upgrade`")
            turn = known.turns[algorithm] = (known.keys[found.kid], *flow.unchanged(stored, algorithm, now=now))
        return turn[0]

    def verifying(self, kid: str) -> Key | None:
        """The signing key of this id, whatever its turn to sign; None for a retired one."""
        key = self._alive(kid)
        return None if key is None or key.stored.encrypts else key

    def still_verifies(self, key: Key) -> bool:
        """Whether what a key signed still counts. key: as it was found here before."""
        now = self.verifying(key.kid)
        return now is not None and now.pair is key.pair

    def decrypting(self, kid: str) -> Key | None:
        """The encryption key of this id, replaced ones too; None for a retired one."""
        key = self._alive(kid)
        return key if key is not None and key.stored.encrypts else None

    def decryption_keys(self) -> list[Key]:
        """All keys that portals may have encrypted to, newest first, for a message that names none."""
        now = self._deps.now()
        found = [key for key in self._fresh().keys.values() if key.stored.encrypts and key.stored.alive(now)]
        return sorted(found, key=lambda key: key.stored.created_at, reverse=True)

    def public(self) -> tuple[bytes, str]:
        """The key set of RFC 7517 as JSON bytes, and its entity tag."""
        self._fresh()
        return self._public, self._etag

    def ready(self) -> bool:
        """Whether there is a key for every algorithm. Raises LookupError when there is none."""
        return all(self.signing(algorithm) for algorithm in flow.ALGORITHMS)

    def reload(self) -> None:
        """Read the keys again before the next use: also those of a reading that goes on now."""
        self._changes += 1
        self._loaded_at = float("-inf")

    def _alive(self, kid: str) -> Key | None:
        key = self._fresh().keys.get(kid)
        return key if key is not None and key.stored.alive(self._deps.now()) else None

    def _fresh(self) -> _Known:
        """The keys, read again when it is time. When they cannot be, those known go on: their own instants bound them."""
        # Whoever knows keys does not wait for somebody else's reading.
        if self._is_due() and self._lock.acquire(blocking=not self._known.keys):
            try:
                if self._is_due():
                    self._load()
            except (SQLAlchemyError, store.KeyUnreadable) as error:
                if not self._known.keys:
                    raise
                log.warning("keys not read again", extra={"error": type(error).__name__})
                self._loaded_at = time.monotonic()
            finally:
                self._lock.release()
        return self._known

    def _is_due(self) -> bool:
        return time.monotonic() - self._loaded_at > RELOAD_SECONDS

    def _load(self) -> None:
        changes = self._changes
        with reading() as db:
            stored = store.keys(db, self._deps)
        pairs = {kid: key.pair for kid, key in self._known.keys.items()}
        self._known = _Known({key.kid: Key(key, pairs.get(key.kid) or _Pair(key)) for key in stored})
        self._public = orjson.dumps({"keys": [_shown(key) for key in flow.published(stored, now=self._deps.now())]})
        self._etag = hashlib.sha256(self._public).hexdigest()[:32]
        self._loaded_at = time.monotonic() if changes == self._changes else float("-inf")


def _shown(key: StoredKey) -> dict[str, str]:
    use = "enc" if key.encrypts else "sig"
    return {**jose.public(json.loads(key.private_jwk)), "kid": key.kid, "use": use, "alg": key.algorithm}
