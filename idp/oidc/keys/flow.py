"""What a key does when: told by its instants alone, so that all workers change over together. Pure.

    published --its turn comes--> signing --a newer one's turn comes--> verifying --retention--> retired

A key has one algorithm, and with it one use (RFC 8725 3.1). The newest of an algorithm has no end yet; whoever
replaces it gives it one, which is how a replacement happens once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from idp.oidc.jose import ENCRYPTIONS, SIGNATURES

ALGORITHMS = (*SIGNATURES, *ENCRYPTIONS)
# A process looks for new keys this often, so every one of them knows a key that is older.
RELOAD = timedelta(seconds=10)
_ALWAYS = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


class State(StrEnum):
    """PUBLISHED: waits for its turn. SIGNING, or ENCRYPTING for portals. VERIFYING, or DECRYPTING: what is out there."""

    PUBLISHED = "published"
    SIGNING = "signing"
    VERIFYING = "verifying"
    ENCRYPTING = "encrypting"
    DECRYPTING = "decrypting"
    RETIRED = "retired"


@dataclass(frozen=True)
class StoredKey:
    """A key pair. private_jwk: JSON text. signs_from: of an encryption key, from when portals are told of it."""

    kid: str
    algorithm: str
    private_jwk: str = field(repr=False)
    created_at: datetime
    signs_from: datetime
    retired_at: datetime | None

    @property
    def encrypts(self) -> bool:
        return self.algorithm in ENCRYPTIONS

    def alive(self, now: datetime) -> bool:
        return self.retired_at is None or self.retired_at > now


@dataclass(frozen=True)
class KeyPair:
    """A key that nobody uses yet: made before a transaction, which may find that it is not needed. Fields as StoredKey."""

    kid: str
    algorithm: str
    private_jwk: str = field(repr=False)

    def stored(self, *, now: datetime, signs_from: datetime) -> StoredKey:
        return StoredKey(self.kid, self.algorithm, self.private_jwk, now, signs_from, None)


def current(keys: Iterable[StoredKey], algorithm: str, *, now: datetime) -> StoredKey | None:
    """The key of this algorithm that signs, or is encrypted to: the last made of those whose turn has come.

    When it is nobody's turn, the one whose turn comes first: a clock that is put back must not stop a service that is
    younger than that.
    """
    alive = [k for k in keys if k.algorithm == algorithm and k.alive(now)]
    ready = [k for k in alive if k.signs_from <= now]
    if not ready:
        return min(alive, key=lambda k: (k.signs_from, k.kid), default=None)
    return max(ready, key=lambda k: (k.created_at, k.kid))


def unchanged(keys: Iterable[StoredKey], algorithm: str, *, now: datetime) -> tuple[datetime, datetime]:
    """From which instant until before which `current` says what it says now: keys begin and end at their own instants."""
    of_it = [k for k in keys if k.algorithm == algorithm]
    instants = [instant for k in of_it for instant in (k.signs_from, k.retired_at) if instant is not None]
    since = max((instant for instant in instants if instant <= now), default=_ALWAYS[0])
    return since, min((instant for instant in instants if instant > now), default=_ALWAYS[1])


def newest(keys: Iterable[StoredKey], algorithm: str) -> StoredKey | None:
    """The key that a new one replaces: the only one without an end."""
    return next((k for k in keys if k.algorithm == algorithm and k.retired_at is None), None)


def state(key: StoredKey, keys: Iterable[StoredKey], *, now: datetime) -> State:
    if not key.alive(now):
        return State.RETIRED
    if key.signs_from > now:
        return State.PUBLISHED
    if key == current(keys, key.algorithm, now=now):
        return State.ENCRYPTING if key.encrypts else State.SIGNING
    return State.DECRYPTING if key.encrypts else State.VERIFYING


def published(keys: Iterable[StoredKey], *, now: datetime) -> list[StoredKey]:
    """What the key set shows, newest first: every signing key that may be met, and what portals should encrypt to.

    An encryption key that was replaced still decrypts here, and is no longer offered (OIDC Core 10.2.1).
    """
    known = list(keys)
    shown = [
        key for key in known if (key.alive(now) if not key.encrypts else key == current(known, key.algorithm, now=now))
    ]
    return sorted(shown, key=lambda k: (k.created_at, k.kid), reverse=True)


def turn(*, now: datetime, delay: timedelta) -> datetime:
    """When a key made now signs: never before every process publishes it."""
    return now + max(delay, RELOAD)


def due(key: StoredKey, *, now: datetime, age: timedelta) -> bool:
    """Whether the newest key is old enough to be replaced; never when there is no such age."""
    return bool(age) and now - key.signs_from >= age
