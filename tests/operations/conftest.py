"""A started service beside the shared world: `idp serve` with two workers on the same database, with metrics on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import httpx2 as httpx
import pytest

from tests.demo.running import wait_until
from tests.support.person import Person
from tests.support.ports import free_port
from tests.support.world import HTTP, ProviderServer


class Served:
    """base: what people and portals open. scrape(): what Prometheus reads."""

    def __init__(self, provider: ProviderServer) -> None:
        self._people: list[Person] = []
        self.port, self.metrics_port = free_port(), free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        settings = provider.settings
        clean = {name: value for name, value in os.environ.items() if not name.startswith("IDP_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "idp", "serve", "--stop-with-parent"],
            env=clean
            | {
                "IDP_DATABASE_URL": settings.database_url.get_secret_value(),
                "IDP_ISSUER": self.base,
                "IDP_BIND_PORT": str(self.port),
                "IDP_METRICS_BIND": f"127.0.0.1:{self.metrics_port}",
                "IDP_BCRYPT_COST": "4",
                "IDP_WORKERS": "2",
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        assert wait_until(lambda: self._answers(f"{self.base}/health/ready"), 60)
        assert wait_until(lambda: self._answers(f"http://127.0.0.1:{self.metrics_port}/metrics"), 60)

    def _answers(self, url: str) -> bool:
        try:
            return HTTP.get(url).status_code == 200
        except httpx.TransportError:
            return False

    def scrape(self) -> str:
        return HTTP.get(f"http://127.0.0.1:{self.metrics_port}/metrics").text

    def person(self) -> Person:
        person = Person(self.base)
        self._people.append(person)
        return person

    def stop(self) -> None:
        for person in self._people:
            person.http.close()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)


@pytest.fixture(scope="module")
def served(provider: ProviderServer) -> Iterator[Served]:
    made = Served(provider)
    yield made
    made.stop()
