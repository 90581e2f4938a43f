"""The provider as it is deployed: nginx with our configuration, behind it `idp serve` with two workers.

The test process keeps an application on the same database, which makes agencies and letters and delivers mail; nothing
that a test sends reaches it.
"""

from __future__ import annotations

from collections.abc import Mapping
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


# How long the files of service and nginx were at a moment.
Lengths = Mapping[Path, int]


class Front(ProviderServer):
    """base: the address of nginx. nginx, served: to look at and to stop."""

    def __init__(
        self, database_url: str, mailbox: Mailbox, folder: Path, *, program: tuple[str, ...] = (), **settings: str
    ) -> None:
        """program: what Python runs instead of the service whose clock can be moved. settings: of the environment."""
        port = free_port()
        issuer = f"https://localhost:{port}"
        clock = SharedClock(folder / "clock")
        shared = {"IDP_ISSUER": issuer, "IDP_TRUSTED_PROXIES": "1", **settings}
        super().__init__(database_url, mailbox, clock=clock, **shared)
        program = program or ("-m", "tests.support.service", str(clock.file))
        self.served = Served(self, log=folder / "service.log", program=program, **self.environ)
        self.nginx = Nginx(folder, self.served.port, port=port)
        self.base = issuer

    def restart(self) -> None:
        """Begin again: another master, other workers, the same socket."""
        super().restart()
        self.served.end()
        self.served.start()

    def lengths(self) -> Lengths:
        return {file: file.stat().st_size for file in self._files()}

    def written(self, since: Lengths) -> list[str]:
        """The lines that service and nginx logged since then, first the service's, which are JSON."""
        self.nginx.logged(self.base)  # until nginx has written what it answered
        pieces = [file.read_bytes()[since.get(file, 0) :] for file in self._files()]
        return [line for piece in pieces for line in piece.decode(errors="replace").split("\n") if line]

    def _files(self) -> list[Path]:
        assert self.served.log is not None
        return [self.served.log, *sorted(self.nginx.folder.glob("idp*.log"))]

    def stop(self) -> None:
        self.nginx.stop()
        self.served.stop()
        super().stop()
