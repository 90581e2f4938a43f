"""The id of the request at hand, the same on its error page, in its log lines and in its audit events.

Support asks for it over the phone; `idp audit search` and the log find it. A value of the context rather than an
argument of every function: it decides nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextvars import ContextVar

_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_READABLE = 12  # of the random end of an id: short enough to be read aloud, and nobody else's within years


class _Reference:
    """The id of one request, made when it is first asked for: most requests fail nowhere and log nothing."""

    __slots__ = ("_given", "_id", "_new_id")

    def __init__(self, given: str, new_id: Callable[[], str]) -> None:
        self._given, self._new_id = given, new_id
        self._id = ""

    def id(self) -> str:
        if not self._id:
            self._id = self._given if _ID.fullmatch(self._given) else self._new_id()[-_READABLE:]
        return self._id


_CURRENT: ContextVar[_Reference | None] = ContextVar("correlation", default=None)


def begin(given: str, new_id: Callable[[], str]) -> None:
    """Start a request. given: the proxy's X-Request-Id, taken when it is one."""
    _CURRENT.set(_Reference(given, new_id))


def current() -> str:
    """The id of the request at hand; empty outside of one, as in a command."""
    reference = _CURRENT.get()
    return "" if reference is None else reference.id()
