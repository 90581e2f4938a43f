"""The providers that the modules are run against: ours, and the certified npm package `oidc-provider`.

CONFORMANCE_TARGET names one (`ours` unless given). A target is started with a certificate for https on loopback, makes an
account and the static clients, and says with which configuration the suite finds it.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from tests.conformance.plans import EVERY_PLAN, Chosen
from tests.conformance.suite.certificates import Certificates

_FRONT_CHANNEL = ("frontchannel", "session-management")


class Target(Protocol):
    def configuration(self, file: str) -> dict[str, Any]:
        """What a file of config/conformance/ says, as it is for this provider."""

    def rotate_keys(self) -> None:
        """Do what an operator does to rotate the signing keys."""

    def stop(self) -> None: ...


def target_name() -> str:
    return os.environ.get("CONFORMANCE_TARGET", "ours")


def chosen_plans() -> tuple[Chosen, ...]:
    """The plans that the target is held to."""
    if target_name() == "oidc_provider":
        return tuple(one for one in EVERY_PLAN if not any(word in one.plan for word in _FRONT_CHANNEL))
    if target_name() == "oidc_provider_6":
        old = ("basic", "dynamic", *_FRONT_CHANNEL)
        return tuple(one for one in EVERY_PLAN if any(f"oidcc-{word}" in one.plan for word in old))
    return EVERY_PLAN


def start(
    *, certificates: Certificates, relying_party: str, folder: Path, new_database: Callable[[str], str]
) -> Target:
    """Start the named target. relying_party: the address that the provider may call. folder: for its files."""
    module = importlib.import_module(f"tests.conformance.targets.{target_name()}")
    return module.start(certificates, relying_party, folder, new_database)  # type: ignore[no-any-return]
