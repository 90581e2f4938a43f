"""The id of the request at hand, the same on its error page, in its log lines and in its audit events.

Support asks for it over the phone; `idp audit search` and the log find it. A value of the context rather than an
argument of every function: it decides nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextvars import ContextVar

_CURRENT: ContextVar[str] = ContextVar("correlation", default="")
_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_READABLE = 12  # of the random end of an id: short enough to be read aloud, and nobody else's within years


def begin(given: str, new_id: Callable[[], str]) -> None:
    """Start a request. given: the proxy's X-Request-Id, taken when it is one."""
    _CURRENT.set(given if _ID.fullmatch(given) else new_id()[-_READABLE:])


def current() -> str:
    """The id of the request at hand; empty outside of one, as in a command."""
    return _CURRENT.get()
