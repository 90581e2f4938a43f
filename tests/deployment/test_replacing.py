"""Workers replaced, and the whole service restarted, while people and portals use it: nobody notices.

Once of each in `make test`, as many times as FAULTS_RELOADS says (20 in `make faults`).
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx2 as httpx

from tests.demo.running import wait_until
from tests.faults.catalogue import fault
from tests.support.front import Front
from tests.support.world import HTTP, World

TIMES = int(os.environ.get("FAULTS_RELOADS", "1"))


@contextmanager
def under_load(deployed: World) -> Iterator[list[str]]:
    """People who open pages and portals that refresh tokens, all the time; yields what went wrong, filled as it happens."""
    wrong: list[str] = []
    done = threading.Event()
    counts = {"pages": 0, "tokens": 0}
    letter, _ = deployed.member()
    person = deployed.signed_in(letter)
    portal = deployed.portal(letter)
    tokens = [
        portal.redeem(person.get(portal.authorize_url()).headers["location"]).json()["refresh_token"] for _ in range(2)
    ]

    def pages() -> None:
        with httpx.Client(base_url=deployed.base, verify=False, timeout=60) as browser:
            while not done.is_set():
                note("pages", lambda: browser.get(f"/login?{letter.query}"))

    def refreshes(token: str) -> None:
        while not done.is_set():
            answer = note("tokens", lambda token=token: portal.refresh(token))
            token = answer.json()["refresh_token"] if answer else token

    def note(kind: str, ask: Callable[[], httpx.Response]) -> httpx.Response | None:
        counts[kind] += 1
        try:
            answer = ask()
        except httpx.TransportError as error:
            wrong.append(f"{kind}: {error!r}")
            return None
        if answer.status_code != 200:
            wrong.append(f"{kind}: {answer.status_code} {answer.text[:200]}")
            return None
        return answer

    threads = [threading.Thread(target=pages), *(threading.Thread(target=refreshes, args=(token,)) for token in tokens)]
    for thread in threads:
        thread.start()
    try:
        yield wrong
        enough = {kind: count + 5 for kind, count in counts.items()}
        assert wait_until(lambda: all(counts[kind] >= enough[kind] for kind in counts), 60)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert all(counts.values())


@fault("X34")
def test_replacing_the_workers_fails_no_request(deployed: World, front: Front) -> None:
    served = front.served
    with under_load(deployed) as wrong:
        for _ in range(TIMES):
            before = served.workers()
            served.process.send_signal(signal.SIGHUP)
            assert wait_until(lambda before=before: len(served.workers()) == 2 and not served.workers() & before, 120)
    assert wrong == [], front.served.log_text()[-4000:]


def test_who_was_let_in_before_the_workers_were_told_to_stop_is_still_answered(front: Front) -> None:
    """What a proxy connects at that moment, its request a moment behind."""
    served = front.served
    early = [socket.create_connection(("127.0.0.1", served.port), timeout=60) for _ in range(12)]
    HTTP.get(f"http://127.0.0.1:{served.port}/health/live")  # who came before was let in before

    served.process.send_signal(signal.SIGTERM)
    for connection in early:
        time.sleep(0.01)  # before, at and after the moment in which the order arrives
        connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")

    answers = {_first_line(connection) for connection in early}
    assert served.process.wait(60) == 0
    served.start()
    assert answers == {b"HTTP/1.1 200 OK\r\n"}


def _first_line(connection: socket.socket) -> bytes:
    """Of an answer; empty when the other side has hung up."""
    with connection, connection.makefile("rb") as answer:
        try:
            return answer.readline()
        except ConnectionError:
            return b""


@fault("X34")
def test_a_restart_fails_no_request_where_the_supervisor_holds_the_socket(deployed: World, front: Front) -> None:
    """Also one that comes while nothing runs: it waits in the queue of the socket."""
    with under_load(deployed) as wrong:
        for _ in range(TIMES):
            front.served.end()
            front.served.start()
    assert wrong == [], front.served.log_text()[-4000:]
