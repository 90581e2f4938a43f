"""The service as in production, and somebody who restarts it: `idp serve` and `idp mail run` as processes of their own.

PostgreSQL is a cluster of its own that keeps its promises (what it acknowledged survives its processes), SMTP a real
server. Between them and the service lie networks that can be told to fail (`proxy.py`).
"""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.demo.running import wait_until
from tests.faults.proxy import Network, Proxy
from tests.support.mailbox import Mail, Mailbox
from tests.support.person import Person
from tests.support.ports import free_port
from tests.support.postgres import Cluster
from tests.support.world import ProviderServer, World

DURABLE = "-c fsync=off -c synchronous_commit=on -c max_connections=60 -c deadlock_timeout=100ms"


def recovery_seconds() -> float:
    """What I12 allows; a machine that has more to do than it can gets as much longer."""
    return 30 * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


class Supervised:
    """A process that is started again when it ends, as systemd does; until it is told to stop."""

    def __init__(self, environ: dict[str, str], *arguments: str, log: Path) -> None:
        self._environ = environ
        self._arguments = arguments
        self._log = log.open("ab")
        self._stopped = threading.Event()
        self.process = self._start()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    @property
    def children(self) -> list[int]:
        return children(self.process.pid)

    def kill(self) -> None:
        self.process.kill()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._log.close()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "idp", *self._arguments],
            env=self._environ,
            stdout=subprocess.DEVNULL,
            stderr=self._log,
        )

    def _watch(self) -> None:
        while not self._stopped.wait(0.1):
            if self.process.poll() is not None:
                self.process = self._start()


class There(World):
    """The world of the service: made past the networks, visited over HTTP where the service answers."""

    def __init__(self, inside: ProviderServer, base: str) -> None:
        super().__init__(inside)
        self.base = base
        self._people: list[Person] = []

    def person(self, **options: Any) -> Person:
        self._people.append(super().person(**options))
        return self._people[-1]

    def mails_to(self, address: str | None) -> list[Mail]:
        """As in the base class; the service has a sender of its own, which may have the newest one in hand."""
        wait_until(lambda: bool(super(There, self).mails_to(address)), recovery_seconds())
        return super().mails_to(address)

    def send_home(self) -> None:
        """Close the connections of everybody."""
        for person in self._people:
            person.http.close()
        self._people.clear()


class Service:
    """`base` is where it answers; `world` makes people, letters and portals in its database, past the networks."""

    def __init__(self, cluster: Cluster, folder: Path, name: str, **settings: str) -> None:
        self.cluster = cluster
        self.mailbox = Mailbox()
        self.database = Proxy(cluster._port)
        self.smtp = Proxy(self.mailbox.port)
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.log = folder / "service.log"
        url = cluster.create(name)
        clean = {key: value for key, value in os.environ.items() if not key.startswith("IDP_")}
        own = {
            "IDP_ISSUER": self.base,
            "IDP_BCRYPT_COST": "4",
            "IDP_WORKERS": "2",
            "IDP_HASHING_QUEUE_LIMIT": "200",
            "IDP_THROTTLE_NETWORK_FREE_ATTEMPTS": "100000",
            "IDP_MAILS_PER_ADDRESS_PER_HOUR": "1000",
            "IDP_REFRESH_GRACE_SECONDS": "60",
            "IDP_SMTP_TIMEOUT_SECONDS": "5",
            **settings,
        }
        self.environ = (
            clean
            | own
            | {
                "IDP_DATABASE_URL": url.replace(f":{cluster._port}/", f":{self.database.port}/"),
                "IDP_BIND_PORT": str(self.port),
                "IDP_SMTP_PORT": str(self.smtp.port),
            }
        )
        self._inside = ProviderServer(url, self.mailbox, **own)
        self.world = There(self._inside, self.base)
        self.serving = Supervised(self.environ, "serve", log=self.log)
        self.sending = Supervised(self.environ, "mail", "run", log=self.log)
        self.require_ready()

    @property
    def workers(self) -> list[int]:
        return self.serving.children

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command of the operator."""
        command = [sys.executable, "-m", "idp", *arguments]
        return subprocess.run(command, env=self.environ, capture_output=True, text=True, timeout=120, check=False)

    def status(self, path: str, timeout: float = 20) -> int:
        """What a GET is answered on a connection of its own; 0 for no answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            return answer.status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()

    def require_ready(self) -> float:
        """Wait until it serves; how many seconds that took."""
        began = time.monotonic()
        assert wait_until(lambda: self.status("/health/ready") == 200, recovery_seconds()), self.log.read_text()[-3000:]
        return time.monotonic() - began

    @contextmanager
    def fault(self, proxy: Proxy, network: Network) -> Iterator[None]:
        """While it lasts, this network is so; afterwards the service must come back by itself."""
        proxy.network = network
        try:
            yield
        finally:
            proxy.network = Network.PASS
        self.require_ready()

    def tidy(self) -> None:
        """As a test expects it: healthy networks, nobody throttled."""
        self.database.network = self.smtp.network = Network.PASS
        self.mailbox.answer = self.mailbox.answer_to_data = None
        self.require_ready()
        self.world.forget_attempts()

    def stop(self) -> None:
        for one in (self.serving, self.sending):
            one.stop()
        self._inside.stop()
        for proxy in (self.database, self.smtp):
            proxy.stop()
        self.mailbox.stop()


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return []
