"""A started service beside the shared world: `idp serve` with two workers on the same database, with metrics on."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from tests.cli.terminal import IDP
from tests.demo.running import wait_until
from tests.support.person import Person
from tests.support.ports import free_port
from tests.support.world import HTTP, ProviderServer


class Served:
    """base: what people and portals open. scrape(): what Prometheus reads."""

    def __init__(self, provider: ProviderServer, *, log: Path | None = None, **more: str) -> None:
        """log: the file that takes what it writes. more: further environment."""
        self._people: list[Person] = []
        self.port, self.metrics_port = free_port(), free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        settings = provider.settings
        clean = {name: value for name, value in os.environ.items() if not name.startswith("IDP_")}
        self._environ = {
            **clean,
            "IDP_DATABASE_URL": settings.database_url.get_secret_value(),
            "IDP_ISSUER": self.base,
            "IDP_BIND_PORT": str(self.port),
            "IDP_METRICS_BIND": f"127.0.0.1:{self.metrics_port}",
            "IDP_BCRYPT_COST": "4",
            "IDP_WORKERS": "2",
            **more,
        }
        self._log = log
        with Path(os.devnull if log is None else log).open("a") as errors:
            self.process = subprocess.Popen(
                [*IDP, "serve", "--stop-with-parent"], env=self._environ, stdout=errors, stderr=errors
            )
        assert wait_until(lambda: self._answers(f"{self.base}/health/ready"), 60)
        assert wait_until(lambda: self._answers(f"http://127.0.0.1:{self.metrics_port}/metrics"), 60)

    def command(self, *arguments: str) -> str:
        """Run `idp …` with the same settings; what it says on stderr goes to the log. Returns stdout."""
        with Path(os.devnull if self._log is None else self._log).open("a") as errors:
            done = subprocess.run(
                [*IDP, *arguments], env=self._environ, stdout=subprocess.PIPE, stderr=errors, text=True, check=True
            )
        return done.stdout

    def log_text(self) -> str:
        assert self._log is not None
        return self._log.read_text(encoding="utf-8")

    def _answers(self, url: str) -> bool:
        try:
            return HTTP.get(url).status_code == 200
        except httpx.TransportError:
            return False

    def scrape(self) -> str:
        return HTTP.get(f"http://127.0.0.1:{self.metrics_port}/metrics").text

    def person(self, **options: Any) -> Person:
        person = Person(self.base, **options)
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
