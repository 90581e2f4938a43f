"""What a step needs from outside, as one frozen value: settings, clock, token source, digests, hasher, names.

Steps take `deps` and never reach for a global, so a test gives them another clock and the race tests a real one.
This is one of the few modules that may ask the operating system for the time or for randomness.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from idp.digests import Digests
from idp.settings import Settings
from idp.shared import Shared

if TYPE_CHECKING:
    from idp.passwords.hashing import Hasher


def system_clock() -> datetime:
    """Now, as an aware UTC instant."""
    return datetime.now(UTC)


def random_token(bits: int = 256) -> str:
    """Random, base64url without padding; 128 bits make 22 characters, 256 make 43."""
    return secrets.token_urlsafe(bits // 8)


def random_digits(count: int) -> str:
    """Random decimal digits, for codes that people type."""
    return "".join(secrets.choice("0123456789") for _ in range(count))


def time_ordered_id() -> str:
    """A UUID version 7 in hex, 32 characters: time-ordered, so that big indexes grow at one end (RFC 9562 5.7).

    For rows whose id is not a secret and never stands in a URL that grants something.
    """
    milliseconds = time.time_ns() // 1_000_000
    rest = int.from_bytes(os.urandom(10))
    value = milliseconds << 80 | 7 << 76 | (rest >> 68) << 64 | 2 << 62 | (rest & (1 << 62) - 1)
    return f"{value:032x}"


_VARIANT = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}


def time_ordered_ids(count: int) -> list[str]:
    """As many of the same, from one read of the clock and of randomness: an import makes two million."""
    start = f"{time.time_ns() // 1_000_000:012x}7"
    rest = os.urandom(10 * count).hex()
    places = range(0, 20 * count, 20)
    return [f"{start}{rest[at : at + 3]}{_VARIANT[rest[at + 3]]}{rest[at + 4 : at + 19]}" for at in places]


def system_resolver(host: str, port: int) -> list[str]:
    """The addresses of a name, as text, in the order to be tried. Raises OSError when there are none."""
    return list(dict.fromkeys(str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))


def shared_memory(settings: Settings) -> Shared | None:
    """The server of the setting `redis_url`; None where there is none. Raises SettingsError."""
    return Shared(settings) if settings.redis_url.get_secret_value() else None


@dataclass(frozen=True)
class Deps:
    """Everything impure that a step uses, besides its database session. shared: None where no server is set."""

    settings: Settings
    digests: Digests = field(repr=False)
    hasher: Hasher = field(repr=False)
    now: Callable[[], datetime] = system_clock
    new_token: Callable[[int], str] = random_token
    new_digits: Callable[[int], str] = random_digits
    new_id: Callable[[], str] = time_ordered_id
    new_ids: Callable[[int], list[str]] = time_ordered_ids
    resolve: Callable[[str, int], list[str]] = system_resolver
    shared: Shared | None = field(default=None, repr=False)
