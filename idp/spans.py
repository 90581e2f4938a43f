"""Steps of work that a trace shows besides requests and statements.

Telling decides nothing, so it is no argument of every function. Nothing happens until `enable()`, which `idp.traces`
calls where an operator wants traces. Names and values are words and numbers of ours: what somebody typed, holds or is
never stands in them (decision 0029).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

Begin = Callable[[str, bool], AbstractContextManager[object]]
Note = Callable[[str, str | int | float], None]

_begin: Begin | None = None
_note: Note | None = None


def enable(begin: Begin, note: Note) -> None:
    """Tell of every step from now on."""
    global _begin, _note
    _begin, _note = begin, note


def disable() -> None:
    global _begin, _note
    _begin = _note = None


def step(name: str) -> AbstractContextManager[object]:
    """A part of the work that is traced at this moment; nothing where none is."""
    return nullcontext() if _begin is None else _begin(name, False)


def work(name: str) -> AbstractContextManager[object]:
    """Work that nobody asked for by a request: a trace of its own."""
    return nullcontext() if _begin is None else _begin(name, True)


def note(name: str, value: str | float) -> None:
    """Say something of the step that this thread is at."""
    if _note is not None:
        _note(name, value)
