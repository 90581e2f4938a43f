"""The keys of this process: parsed once, looked at again every few seconds for a rotation made elsewhere.

The public set is prepared as bytes, so that serving it costs nothing. Which key signs is decided by time alone: the
newest of its algorithm whose turn has come, so all workers change over at the same instant without telling each other.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from joserfc.jwk import ECKey, RSAKey
from sqlalchemy.orm import Session

from idp.database import reading, transaction
from idp.deps import Deps
from idp.oidc.keys import store
from idp.oidc.keys.store import StoredKey

ALGORITHMS = ("RS256", "ES256")
RELOAD_SECONDS = 10.0


@dataclass(frozen=True)
class Key:
    """A parsed key pair and when it signs."""

    kid: str
    algorithm: str
    jwk: RSAKey | ECKey
    signs_from: datetime
    retired_at: datetime | None


def make(algorithm: str, *, now: datetime, signs_from: datetime) -> StoredKey:
    """A new key pair: RSA 2048 bits for RS256, P-256 for ES256. `kid` is its RFC 7638 thumbprint."""
    jwk = RSAKey.generate_key(2048) if algorithm == "RS256" else ECKey.generate_key("P-256")
    private = jwk.as_dict(private=True)
    return StoredKey(jwk.thumbprint(), algorithm, json.dumps(private), now, signs_from, None)


def rotate(db: Session, deps: Deps, algorithm: str, *, at_once: bool = False) -> StoredKey:
    """Publish a new key that signs after the publication delay, and let the present ones retire after the retention.

    at_once: sign with it now, for a first key or a leaked one.
    """
    now = deps.now()
    delay = timedelta(0) if at_once else timedelta(hours=deps.settings.key_publication_hours)
    key = make(algorithm, now=now, signs_from=now + delay)
    retire_at = key.signs_from + timedelta(days=deps.settings.key_retention_days)
    for old in store.keys(db, deps):
        if old.algorithm == algorithm and old.retired_at is None:
            store.retire(db, old.kid, at=retire_at)
    store.add(db, deps, key)
    return key


class Keyring:
    """The parsed keys of this process. Thread-safe."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._keys: tuple[Key, ...] = ()
        self._parsed: dict[str, RSAKey | ECKey] = {}
        self._public = b'{"keys":[]}'
        self._etag = ""
        self._loaded_at = float("-inf")
        self._lock = threading.Lock()

    def signing(self, algorithm: str) -> Key:
        """The key that signs now with this algorithm. Raises LookupError when there is none."""
        now = self._deps.now()
        ready = [k for k in self._fresh() if k.algorithm == algorithm and k.signs_from <= now]
        if not ready:
            raise LookupError(f"no {algorithm} signing key: run `idp db upgrade`")
        return ready[-1]

    def verifying(self, kid: str) -> Key | None:
        """The published key of this id, whatever its turn to sign."""
        now = self._deps.now()
        return next((k for k in self._fresh() if k.kid == kid and (k.retired_at is None or k.retired_at > now)), None)

    def public(self) -> tuple[bytes, str]:
        """The key set of RFC 7517 as JSON bytes, and its entity tag."""
        self._fresh()
        return self._public, self._etag

    def ready(self) -> bool:
        """Whether there is a key to sign with for every algorithm. Raises LookupError when there is none."""
        return all(self.signing(algorithm) for algorithm in ALGORITHMS)

    def reload(self) -> None:
        """Read the keys again now."""
        self._loaded_at = float("-inf")

    def _fresh(self) -> tuple[Key, ...]:
        if time.monotonic() - self._loaded_at > RELOAD_SECONDS:
            with self._lock:
                if time.monotonic() - self._loaded_at > RELOAD_SECONDS:
                    self._load()
        return self._keys

    def _load(self) -> None:
        with reading() as db:
            stored = store.keys(db, self._deps)
        now = self._deps.now()
        keys = []
        for key in stored:
            if key.retired_at is not None and key.retired_at <= now:
                continue
            if key.kid not in self._parsed:
                private: dict[str, Any] = json.loads(key.private_jwk)
                kind = RSAKey if key.algorithm == "RS256" else ECKey
                self._parsed[key.kid] = kind.import_key(private)
            keys.append(Key(key.kid, key.algorithm, self._parsed[key.kid], key.signs_from, key.retired_at))
        self._keys = tuple(keys)
        published = [
            {**k.jwk.as_dict(private=False), "kid": k.kid, "use": "sig", "alg": k.algorithm} for k in self._keys
        ]
        self._public = orjson.dumps({"keys": published})
        self._etag = hashlib.sha256(self._public).hexdigest()[:32]
        self._loaded_at = time.monotonic()


def ensure(deps: Deps) -> None:
    """Make the first key of each algorithm where there is none."""
    with transaction() as db:
        present = {key.algorithm for key in store.keys(db, deps)}
        for algorithm in ALGORITHMS:
            if algorithm not in present:
                rotate(db, deps, algorithm, at_once=True)
