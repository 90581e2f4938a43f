"""The memory that workers share away, silent, emptied, back: nothing opens, nothing fails, nobody waits for it."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import time
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from idp import shared
from idp.settings import Settings
from idp.shared import Away, Shared
from tests.demo.running import wait_until
from tests.faults.catalogue import fault
from tests.faults.proxy import Network, Proxy
from tests.faults.service import Service, recovery_seconds
from tests.support import acts
from tests.support.postgres import Cluster
from tests.support.valkey import Server
from tests.support.world import STRONG

ACCOUNT_ATTEMPTS = 5


class Sharing:
    """A service whose workers share a memory, over a network that can be told to fail."""

    def __init__(self, cluster: Cluster, folder: pytest.TempPathFactory) -> None:
        self.server = Server(folder.mktemp("memory"))
        self.network = Proxy(self.server.port)
        url = f"valkey://127.0.0.1:{self.network.port}/0"
        place = folder.mktemp("sharing")  # has a number: a process that takes over tests of another one is here twice
        self.service = Service(cluster, place, place.name, IDP_REDIS_URL=url)

    def counters(self) -> int:
        """How many networks and agencies are counted there."""
        return sum(1 for _ in self.server.client.scan_iter("*limit*"))

    def stop(self) -> None:
        self.service.stop()
        self.network.stop()
        self.server.close()


@pytest.fixture(scope="module")
def sharing(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sharing]:
    made = Sharing(cluster, tmp_path_factory)
    yield made
    made.stop()


@fault("X12")
@pytest.mark.parametrize("harm", ["killed", "paused", Network.SILENT, Network.RESET, "emptied"])
def test_without_the_shared_memory_people_sign_in_and_no_account_can_be_guessed(sharing: Sharing, harm: str) -> None:
    service, there = sharing.service, sharing.service.world
    service.tidy()
    letter, _ = there.member()
    guessed, _ = there.member()
    portal = there.portal(letter)
    for _ in range(ACCOUNT_ATTEMPTS - 1):
        acts.sign_in(there.person(), guessed, password="Faux-Mot-99x")

    _begin(sharing, harm)
    try:
        began = time.monotonic()
        person = acts.sign_in(there.person(), letter)
        software = portal.refresh("x" * 43)
        took = (time.monotonic() - began) / 3
        refused = [acts.sign_in(there.person(), guessed, password="Faux-Mot-99x").text for _ in range(2)]
        right = acts.sign_in(there.person(), guessed, password=STRONG)
        assert service.status("/health/ready") == 200
    finally:
        _end(sharing, harm)

    assert person.status == 200
    assert "Profil" in person.heading
    assert software.status_code == 400
    assert took < 5 * recovery_seconds() / 30
    assert "essais" in refused[-1]
    assert "Profil" not in right.heading, "what protects an account is not in the memory that was away"
    service.world.send_home()


def _begin(sharing: Sharing, harm: str) -> None:
    match harm:
        case "killed":
            sharing.server.stop()
        case "paused":
            os.kill(sharing.server.process.pid, signal.SIGSTOP)
        case "emptied":
            sharing.server.client.flushall()
        case _:
            sharing.network.network = Network(harm)


def _end(sharing: Sharing, harm: str) -> None:
    """Afterwards it is used again, without anybody's help (I12)."""
    match harm:
        case "killed":
            sharing.server.start()
        case "paused":
            os.kill(sharing.server.process.pid, signal.SIGCONT)
        case _:
            sharing.network.network = Network.PASS
    there = sharing.service.world
    sharing.server.client.flushall()

    def counted() -> bool:
        acts.sign_in(there.person(), there.letter(), password=secrets.token_urlsafe())
        return sharing.counters() > 0

    assert wait_until(counted, recovery_seconds())


@fault("X12")
def test_a_server_that_does_not_answer_is_asked_once_and_then_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bounded wait is not enough: a hundred requests a second that each wait for it are a service that waits."""
    monkeypatch.setattr(shared, "PAUSE_SECONDS", 3600)
    with socket.create_server(("127.0.0.1", 0), backlog=100) as silent:
        silent.settimeout(0)
        url = SecretStr(f"valkey://127.0.0.1:{silent.getsockname()[1]}/0")
        asked = Shared(Settings(redis_url=url, redis_wait_milliseconds=50))
        for _ in range(20):
            with pytest.raises(Away):
                asked.ask(lambda server: server.ping())
        accepted = [silent.accept()[0]]
        with pytest.raises(BlockingIOError):
            silent.accept()
    for one in accepted:
        one.close()
    asked.close()


@fault("X12")
def test_a_server_that_is_back_is_asked_again(sharing: Sharing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "PAUSE_SECONDS", 0.0)
    url = SecretStr(f"valkey://127.0.0.1:{sharing.network.port}/0")
    asked = Shared(Settings(redis_url=url, redis_wait_milliseconds=2000))
    assert asked.ask(lambda server: server.ping())

    sharing.network.network = Network.RESET
    with pytest.raises(Away):
        asked.ask(lambda server: server.ping())
    sharing.network.network = Network.PASS

    assert wait_until(lambda: _answers(asked), recovery_seconds())
    asked.close()


def _answers(asked: Shared) -> bool:
    try:
        return bool(asked.ask(lambda server: server.ping()))
    except Away:
        return False
