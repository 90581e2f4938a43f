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

from tests.conformance.expected import DROPPED
from tests.conformance.plans import EVERY_PLAN, Entry
from tests.conformance.suite.certificates import Certificates

_FRONT_CHANNEL = ("frontchannel-rp-initiated-logout", "session-management")


class Target(Protocol):
    def configuration(self, file: str) -> dict[str, Any]:
        """What a file of config/conformance/ says, as it is for this provider."""

    def rotate_keys(self) -> None:
        """Do what an operator does to rotate the signing keys."""

    def elsewhere(self) -> dict[str, bytes]:
        """What its pages take from servers of others, by file name; a browser here reaches nobody else."""

    def stop(self) -> None: ...


def target_name() -> str:
    return os.environ.get("CONFORMANCE_TARGET", "ours")


def entries_of(target: str) -> list[Entry]:
    """The modules that a target is held to. The peer's older version runs what the newer one has dropped, in every plan,
    and some plans whole."""
    every = [entry for one in EVERY_PLAN for entry in one.entries()]
    if target == "oidc_provider":
        return [entry for entry in every if not _named(entry, _FRONT_CHANNEL)]
    if target == "oidc_provider_6":
        return [e for e in every if _named(e, ("basic", "dynamic", *_FRONT_CHANNEL)) or e.module.name in DROPPED]
    return every


def _named(entry: Entry, words: tuple[str, ...]) -> bool:
    return any(entry.plan.name.startswith(f"oidcc-{word}-") for word in words)


def start(
    *, certificates: Certificates, relying_party: str, folder: Path, new_database: Callable[[str], str]
) -> Target:
    """Start the named target. relying_party: the address that the provider may call. folder: for its files."""
    module = importlib.import_module(f"tests.conformance.targets.{target_name()}")
    return module.start(certificates, relying_party, folder, new_database)  # type: ignore[no-any-return]
