"""Who is signed in at this portal, and which answers of the provider were used: in this process's memory.

The browser holds a random id and nothing else, so tokens never leave the server. Memory is enough for a demonstration;
a real portal keeps these two tables in its database, so that a restart signs nobody out and several servers can share
the work.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from clients.portal.attempts import LIFETIME as ATTEMPT_LIFETIME
from clients.portal.people import Person

LIFETIME = timedelta(hours=8)
MOST_SESSIONS = 10_000
MOST_STATES = 50_000


@dataclass(frozen=True)
class SignedIn:
    """id_token: kept only to name the session to the provider when it ends."""

    person: Person
    id_token: str = field(repr=False)
    expires_at: float


class Sessions:
    """Thread-safe. clock: seconds that only grow."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sessions: OrderedDict[str, SignedIn] = OrderedDict()
        self._used_states: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def open(self, person: Person, id_token: str) -> str:
        """Sign in; returns the random id for the cookie, 43 characters. Always a new one (session fixation)."""
        session_id = secrets.token_urlsafe(32)
        with self._lock:
            self._sessions[session_id] = SignedIn(person, id_token, self._clock() + LIFETIME.total_seconds())
            while len(self._sessions) > MOST_SESSIONS:
                self._sessions.popitem(last=False)
        return session_id

    def find(self, session_id: str | None) -> SignedIn | None:
        with self._lock:
            found = self._sessions.get(session_id or "")
        return found if found is not None and found.expires_at > self._clock() else None

    def close(self, session_id: str | None) -> None:
        with self._lock:
            self._sessions.pop(session_id or "", None)

    def use(self, state: str) -> bool:
        """Whether this is the first answer to an attempt; exactly one caller ever hears True.

        A reloaded or revisited `/retour` must not send its code again: the provider would take it for a theft and
        revoke what the code bought (RFC 6749 4.1.2).
        """
        now = self._clock()
        with self._lock:
            if state in self._used_states:
                return False
            self._used_states[state] = now
            oldest = next(iter(self._used_states))
            if (
                len(self._used_states) > MOST_STATES
                or now - self._used_states[oldest] > ATTEMPT_LIFETIME.total_seconds()
            ):
                del self._used_states[oldest]
            return True
