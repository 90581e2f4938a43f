"""Thousands of connections, and clients that are slow on purpose: nginx bears them, the provider never sees them.

A thousand in `make test`, ten thousand by `make faults` (FAULTS_CONNECTIONS), or as many as this machine allows.
"""

from __future__ import annotations

import os
import resource
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.attacks import attack
from tests.demo.running import wait_until
from tests.deployment import raw
from tests.faults.catalogue import fault
from tests.support.front import Front
from tests.support.nginx import Nginx
from tests.support.world import World

CONNECTIONS = int(os.environ.get("FAULTS_CONNECTIONS", "1000"))
SPARE = 200  # descriptors that this process needs besides
SLOW = 30
PER_ADDRESS = 200  # limit_conn of config/nginx/idp.conf
ESTABLISHED = "01"  # in /proc/net/tcp
KILOBYTES_EACH = 64  # of nginx for a connection that waits, TLS included


@pytest.fixture
def descriptors() -> Iterator[int]:
    """As many as this process may open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def family(pid: int) -> list[int]:
    """A process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(int(child) for child in children)]


def kilobytes(pid: int) -> int:
    """Resident memory of a process and its children."""
    texts = [Path(f"/proc/{one}/status").read_text() for one in family(pid)]
    return sum(int(line.split()[1]) for text in texts for line in text.splitlines() if line.startswith("VmRSS"))


def open_files(pid: int) -> int:
    return sum(len(list(Path(f"/proc/{one}/fd").iterdir())) for one in family(pid))


def a_person_gets_in(deployed: World) -> None:
    letter, _ = deployed.member()
    assert deployed.signed_in(letter).open("/profile").heading == "Profil"
    assert deployed.portal(letter).refresh("unknown").json()["error"] == "invalid_grant"


@fault("X22")
def test_thousands_of_idle_connections_cost_memory_of_nginx_and_nobody_else_anything(
    deployed: World, front: Front, descriptors: int
) -> None:
    wanted = min(CONNECTIONS, descriptors - SPARE)
    before, provider_before = kilobytes(front.nginx.process.pid), open_files(front.served.process.pid)
    with ExitStack() as connections:
        for number in range(wanted):
            connections.enter_context(
                raw.connected(front.nginx.port, source=f"127.0.{1 + number // 250}.{1 + number % 250}")
            )

        a_person_gets_in(deployed)
        grown = kilobytes(front.nginx.process.pid) - before
        assert grown < wanted * KILOBYTES_EACH, f"{grown} kB for {wanted} connections"
        assert open_files(front.served.process.pid) - provider_before < 50

    assert wait_until(lambda: open_files(front.nginx.process.pid) < wanted / 2)


def beginning(kind: str) -> bytes:
    """What a slow client of a kind sends before it goes to sleep."""
    head = b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    return {
        "head": head,
        "body": head + b"Content-Length: 60000\r\n\r\nidentifier=",
        "reading": b"GET /static/site.js HTTP/1.1\r\nHost: localhost\r\n\r\n" * 400,
    }[kind]


@attack("O6")
@fault("X23")
def test_slow_clients_are_cut_off_and_hold_up_nobody(deployed: World, front: Front) -> None:
    """Slow heads, slow bodies and answers that nobody reads, all at once; each gets ten seconds."""
    before, provider_before = open_files(front.nginx.process.pid), open_files(front.served.process.pid)
    with ExitStack() as connections:
        for number, kind in enumerate(["head", "body", "reading"] * SLOW):
            line = connections.enter_context(raw.connected(front.nginx.port, source=f"127.0.8.{1 + number}"))
            if kind == "reading":
                line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            line.sendall(beginning(kind))

        a_person_gets_in(deployed)
        assert open_files(front.served.process.pid) - provider_before < 50
        assert wait_until(lambda: open_files(front.nginx.process.pid) < before + SLOW / 2, 120)


def given_up(line: ssl.SSLSocket) -> bool:
    """Whether nginx closed the connection; what it sent is left unread."""
    try:
        here, there = (f":{end[1]:04X}" for end in (line.getsockname(), line.getpeername()))
    except OSError:  # reset
        return True
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()]
    return not any(row[1].endswith(there) and row[2].endswith(here) and row[3] == ESTABLISHED for row in rows)


@attack("O6")
def test_one_address_cannot_take_all_places(deployed: World, front: Front, tmp_path: Path) -> None:
    """Of 230 forms that are never finished, from one address, 30 are refused; another address is served meanwhile."""
    patient = Nginx(tmp_path, front.served.port, changed={"client_body_timeout 10s": "client_body_timeout 300s"})
    with ExitStack() as connections:
        connections.callback(patient.stop)
        lines = []
        for _ in range(PER_ADDRESS + 30):
            line = connections.enter_context(raw.connected(patient.port, source="127.0.0.77"))
            line.sendall(beginning("body"))
            lines.append(line)

        assert wait_until(lambda: sum(given_up(line) for line in lines) == 30, 60)
        with raw.connected(patient.port, source="127.0.0.78") as other:
            other.sendall(b"GET /help HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert other.recv(12) == b"HTTP/1.1 200"
        assert {line["status"] for line in patient.logged() if line["address"] == "127.0.0.77"} == {"503"}
