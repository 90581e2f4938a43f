"""Where a provider runs that a test folder has to itself: on each database, or, by `make attacks`, deployed behind nginx."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.attacks.table import DATABASES, NGINX
from tests.support.front import Front
from tests.support.mailbox import Mailbox
from tests.support.world import ProviderServer


def installations() -> list[str]:
    return [NGINX] if os.environ.get("ATTACKS_TARGET") == NGINX else [*DATABASES]


def provider_on(
    kind: str, folder: Path, mailbox: Mailbox, new_database: Callable[[str], str] | Any, **settings: str
) -> ProviderServer:
    """kind: one of `installations()`. folder: an empty one, for its files."""
    if kind == "sqlite":
        return ProviderServer(f"sqlite:///{folder / 'idp.sqlite'}", mailbox, **settings)
    url = new_database(f"{folder.name}_{secrets.token_hex(3)}")
    return Front(url, mailbox, folder, **settings) if kind == NGINX else ProviderServer(url, mailbox, **settings)
