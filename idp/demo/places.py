"""Where the parts of the demonstration listen: six ports on loopback, the provider's first."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from idp.demo.world import AGENCIES, DemoAgency

HOST = "127.0.0.1"
PORTS = 3 + len(AGENCIES)


class PortInUse(Exception):
    """Somebody else listens there."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.port = port


@dataclass(frozen=True)
class Places:
    """port_base: the provider's port; then the mailbox's page, SMTP, and one for each portal."""

    port_base: int

    @property
    def issuer(self) -> str:
        return f"http://{HOST}:{self.port_base}"

    @property
    def mailbox_port(self) -> int:
        return self.port_base + 1

    @property
    def mailbox(self) -> str:
        """Address of the page that shows the mails."""
        return f"http://{HOST}:{self.mailbox_port}"

    @property
    def smtp_port(self) -> int:
        return self.port_base + 2

    def portal_port(self, agency: DemoAgency) -> int:
        return self.port_base + 3 + agency.place

    def portal(self, agency: DemoAgency) -> str:
        """Address of an agency's portal."""
        return f"http://{HOST}:{self.portal_port(agency)}"

    def require_free(self) -> None:
        """Raises PortInUse."""
        for port in range(self.port_base, self.port_base + PORTS):
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as trial:
                trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that just ended do not count
                try:
                    trial.bind((HOST, port))
                except OSError:
                    raise PortInUse(port) from None
