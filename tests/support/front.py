"""The provider as it is deployed: nginx with our configuration, behind it `idp serve` with two workers.

The test process keeps an application on the same database, which makes agencies and letters and delivers mail; nothing
that a test sends reaches it.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from tests.support.mailbox import Mailbox
from tests.support.nginx import Nginx
from tests.support.ports import free_port
from tests.support.served import Served
from tests.support.world import Clock, ProviderServer


class SharedClock(Clock):
    """The clock of this process and, by a file, of the service (tests/support/service.py)."""

    def __init__(self, file: Path) -> None:
        self.file = file
        super().__init__()

    @property
    def shift(self) -> timedelta:
        return self._shift

    @shift.setter
    def shift(self, shift: timedelta) -> None:
        self._shift = shift
        # Replaced in one step: a service that reads half a file would be at another time.
        new = self.file.with_suffix(".new")
        new.write_text(f"{shift.total_seconds()}\n")
        new.replace(self.file)


class Front(ProviderServer):
    """base: the address of nginx. nginx, served: to look at and to stop."""

    def __init__(self, database_url: str, mailbox: Mailbox, folder: Path, **settings: str) -> None:
        port = free_port()
        issuer = f"https://localhost:{port}"
        clock = SharedClock(folder / "clock")
        shared = {"IDP_ISSUER": issuer, "IDP_TRUSTED_PROXIES": "1", **settings}
        super().__init__(database_url, mailbox, clock=clock, **shared)
        self.served = Served(
            self, log=folder / "service.log", program=("-m", "tests.support.service", str(clock.file)), **self.environ
        )
        self.nginx = Nginx(folder, self.served.port, port=port)
        self.base = issuer

    def stop(self) -> None:
        self.nginx.stop()
        self.served.stop()
        super().stop()
