"""What a run is about: the variant of a plan, and where and how the provider is found (the official configuration)."""

from __future__ import annotations

import copy
import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import httpx2 as httpx

OFFICIAL_WAITS = os.environ.get("CONFORMANCE_WAITS") == "official"


@dataclass(frozen=True)
class Variant:
    """The five parameters of the official suite, with its names and values."""

    response_type: str = "code"
    response_mode: str = "default"
    client_auth_type: str = "client_secret_basic"
    client_registration: str = "dynamic_client"
    server_metadata: str = "discovery"

    def includes(self, part: str) -> bool:
        return part in self.response_type.split()

    @property
    def static(self) -> bool:
        return self.client_registration == "static_client"

    @property
    def answered_in(self) -> str:
        """Where an answer is: query, fragment or form (Multiple Response Types 2.1)."""
        if self.response_mode == "form_post":
            return "form"
        return "query" if self.response_type == "code" else "fragment"

    def but(self, **changes: str) -> Variant:
        return replace(self, **changes)


@dataclass(frozen=True)
class Setting:
    """configuration: a JSON file of the official suite, read. trust: of the run's certificates.

    rotate_keys: what an operator does to rotate the provider's keys. chromium: a real browser, for the session iframe;
    elsewhere: what pages take from servers of others, by file name.
    """

    configuration: dict[str, Any]
    trust: ssl.SSLContext
    http: httpx.Client
    rotate_keys: Callable[[], None]
    chromium: Callable[[], Any]
    elsewhere: Callable[[], dict[str, bytes]]

    @property
    def discovery_url(self) -> str:
        return str(self.configuration["server"]["discoveryUrl"])

    @property
    def alias(self) -> str:
        return str(self.configuration["alias"])

    def of(self, section: str) -> dict[str, Any]:
        """A section such as client, client2, server; empty when there is none."""
        return copy.deepcopy(self.configuration.get(section, {}))

    def browser_blocks(self, module: str) -> list[dict[str, Any]]:
        """What the browser is to do, `override` before the rest."""
        override = self.configuration.get("override", {}).get(module, {})
        return list(override.get("browser", self.configuration.get("browser", [])))

    @staticmethod
    def wait(seconds: float) -> float:
        return seconds if OFFICIAL_WAITS else min(seconds, 1) / 10
