"""How a module ends: it passes, it fails by a condition, it has warnings, or the provider lacks what it needs."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Failed(AssertionError):
    """A condition does not hold. condition: its name. clauses: what demands it."""

    def __init__(self, condition: str, clauses: tuple[str, ...], why: str) -> None:
        super().__init__(f"{condition} [{', '.join(clauses)}]: {why}")


class Skipped(Exception):
    """The provider says that it lacks what the module is about, so the official suite would skip it."""


@dataclass(frozen=True)
class Finding:
    """What the official suite would put in red. result: failed, warned or skipped."""

    result: str
    text: str

    def __str__(self) -> str:
        return f"{self.result}: {self.text}"


class Refuted(Exception):
    """Raised inside a condition: why it does not hold."""


def refute(why: str) -> NoReturn:
    raise Refuted(why)


def ensure(holds: object, why: str) -> None:
    if not holds:
        raise Refuted(why)


def condition(*clauses: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a function a condition: it fails under its own name, with the clauses that demand it."""

    def named(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def check(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return function(*args, **kwargs)
            except Refuted as why:
                raise Failed(function.__name__, clauses, str(why)) from None

        return check

    return named


def found(where: dict[str, Any], name: str, kind: type) -> Any:
    """A member of a document, of the right type. Raises Refuted."""
    ensure(name in where, f"{name} is missing: {sorted(where)}")
    ensure(isinstance(where[name], kind), f"{name} is not of type {kind.__name__}: {where[name]!r}")
    return where[name]
