"""The modules of the official suite's OpenID Connect plans, one function each, registered under the official name."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.conformance.suite.run import Run
    from tests.conformance.suite.setting import Variant


@dataclass(frozen=True)
class Module:
    """not_for: the values of variant parameters that leave the module out of a plan."""

    name: str
    body: Callable[[Run], None]
    not_for: dict[str, tuple[str, ...]]

    def applies_to(self, variant: Variant) -> bool:
        return not any(getattr(variant, parameter) in values for parameter, values in self.not_for.items())


_REGISTERED: dict[str, Module] = {}

STATIC = ("static_client",)
WITHOUT_CODE = ("id_token", "id_token token")
NO_ACCESS_TOKEN = ("id_token",)
NO_ASSERTION = ("none", "client_secret_basic", "client_secret_post")


def module(name: str, **not_for: tuple[str, ...]) -> Callable[[Callable[[Run], None]], Callable[[Run], None]]:
    """Register a function as the module of this name."""

    def register(body: Callable[[Run], None]) -> Callable[[Run], None]:
        assert name not in _REGISTERED, name
        _REGISTERED[name] = Module(name, body, not_for)
        return body

    return register


def all_modules() -> dict[str, Module]:
    for found in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{found.name}")
    return _REGISTERED
