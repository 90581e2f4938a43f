"""`idp serve`: when it refuses to start, and how it stops."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.demo.running import port_is_free, wait_until
from tests.support.ports import free_port


class Service:
    """`idp` commands on a database of their own."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        clean = {name: value for name, value in os.environ.items() if not name.startswith("IDP_")}
        self.environ = clean | {
            "IDP_DATABASE_URL": f"sqlite:///{folder / 'idp.sqlite'}",
            "IDP_BIND_PORT": str(self.port),
            "IDP_ISSUER": f"http://127.0.0.1:{self.port}",
            "IDP_WORKERS": "2",
        }
        self.started: list[subprocess.Popen[str]] = []

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "idp", *arguments]
        return subprocess.run(command, env=self.environ, capture_output=True, text=True, timeout=60, check=False)

    def serve(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "idp", "serve"]
        process = subprocess.Popen(
            command, env=self.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        self.started.append(process)
        assert wait_until(lambda: self.get("/health/live") == 200 or process.poll() is not None, 30)
        return process

    def get(self, path: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    made = Service(tmp_path)
    yield made
    for process in made.started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_a_database_without_schema_is_refused_by_one_sentence(service: Service) -> None:
    done = service.run("serve")
    assert done.returncode == 1
    assert done.stderr.startswith("idp: the database has no schema yet")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("pause", [0.0, 1.0])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_and_stops_at_once_when_told(service: Service, number: int, pause: float) -> None:
    """Also while its second worker is still loading; and by Ctrl-C, which a terminal sends to all of its processes."""
    service.run("db", "upgrade")
    process = service.serve()
    assert service.get("/.well-known/openid-configuration") == 200
    time.sleep(pause)
    (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (0, "")
    assert err == f"idp: listening on http://127.0.0.1:{service.port}, Ctrl-C stops\n"
    assert port_is_free(service.port)


def test_a_second_service_on_the_port_is_refused(service: Service) -> None:
    """Granian shares its port between workers: without our own trial both would answer, each half of the requests."""
    service.run("db", "upgrade")
    service.serve()
    done = service.run("serve")
    assert done.returncode == 1
    assert done.stderr.startswith(f"idp: port {service.port} of 127.0.0.1 is in use")


def test_workers_end_with_a_master_that_was_killed(service: Service) -> None:
    service.run("db", "upgrade")
    service.serve().kill()
    assert wait_until(lambda: port_is_free(service.port), 40)


def test_a_request_under_way_is_finished(service: Service) -> None:
    """A half-sent form is held open while the service is told to stop; its answer still comes."""
    service.run("db", "upgrade")
    process = service.serve()
    with socket.create_connection(("127.0.0.1", service.port)) as line:
        line.sendall(b"POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n")
        line.sendall(b"Content-Length: 29\r\nConnection: close\r\n\r\ngrant_type=")
        stop = threading.Timer(0.3, process.send_signal, [signal.SIGTERM])
        rest = threading.Timer(0.8, line.sendall, [b"client_credentials"])
        stop.start()
        rest.start()
        answer = line.makefile("rb").readline()
        rest.join()
    assert answer.startswith(b"HTTP/1.1 4")
    assert process.wait(20) == 0
