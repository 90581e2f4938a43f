"""`idp serve` as a process: two workers on a database that a test world made, with metrics on.

It is started as systemd starts it (config/systemd/idp.socket): it is given a socket that listens already, and that
outlives it.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2 as httpx

from tests.demo.running import wait_until
from tests.support.person import Person
from tests.support.ports import free_port
from tests.support.world import HTTP, ProviderServer

# What systemd does between fork and exec: the socket becomes descriptor 3, and the environment says for whom it is.
_HAND_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.execve(sys.argv[2], sys.argv[2:], os.environ | {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"})
"""


class Served:
    """base: what people and portals open. scrape(): what Prometheus reads."""

    def __init__(
        self,
        provider: ProviderServer,
        *,
        log: Path | None = None,
        program: tuple[str, ...] = ("-m", "idp"),
        **more: str,
    ) -> None:
        """log: the file that takes what it writes. program: what Python runs. more: further environment."""
        self._program = (sys.executable, "-W", "error", *program)
        self._people: list[Person] = []
        self._door = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port, self.metrics_port = self._door.getsockname()[1], free_port()
        self.base = more.get("IDP_ISSUER", f"http://127.0.0.1:{self.port}")
        settings = provider.settings
        clean = {name: value for name, value in os.environ.items() if not name.startswith("IDP_")}
        self._environ = {
            **clean,
            "IDP_DATABASE_URL": settings.database_url.get_secret_value(),
            "IDP_ISSUER": self.base,
            "IDP_METRICS_BIND": f"127.0.0.1:{self.metrics_port}",
            "IDP_BCRYPT_COST": "4",
            "IDP_WORKERS": "2",
            **more,
        }
        self.log = log
        self.start()

    def start(self) -> None:
        """Start it, and wait until it can serve and be looked at."""
        door = self._door.fileno()
        with Path(os.devnull if self.log is None else self.log).open("a") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _HAND_OVER, str(door), *self._program, "serve", "--stop-with-parent"],
                env=self._environ,
                stdout=errors,
                stderr=errors,
                pass_fds=(door,),
            )
        assert wait_until(lambda: self._answers(f"http://127.0.0.1:{self.port}/health/ready"), 60)
        assert wait_until(lambda: self._answers(f"http://127.0.0.1:{self.metrics_port}/metrics"), 60)

    def end(self) -> None:
        """Stop it as a supervisor does; the socket stays."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=60) == 0

    def workers(self) -> set[int]:
        """Process ids of those that answer."""
        return {
            int(pid) for pid in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        }

    def command(self, *arguments: str) -> str:
        """Run `idp …` with the same settings; what it says on stderr goes to the log. Returns stdout."""
        with Path(os.devnull if self.log is None else self.log).open("a") as errors:
            done = subprocess.run(
                [*self._program, *arguments],
                env=self._environ,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                check=True,
            )
        return done.stdout

    def log_text(self) -> str:
        assert self.log is not None
        return self.log.read_text(encoding="utf-8")

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
        self.end()
        self._door.close()
