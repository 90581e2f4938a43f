"""A change that one process makes is known to all at once, where they share a Valkey or Redis; else within seconds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from idp import background, shared
from idp.oidc.keys import keyring as keyrings
from idp.oidc.keys.keyring import Keyring
from idp.oidc.registration import clients, store
from idp.settings import Settings, SettingsError, load
from idp.shared import ALL, Shared
from tests.cli.terminal import IDP
from tests.demo.running import wait_until
from tests.faults.proxy import Network, Proxy
from tests.support.valkey import Server
from tests.support.world import World

FOR_EVER = 3600.0
A_WHILE = 60


@pytest.fixture(autouse=True)
def _only_what_is_heard_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read again because it is old; and who was cut off listens again soon."""
    monkeypatch.setattr(store, "CACHE_SECONDS", FOR_EVER)
    monkeypatch.setattr(keyrings, "RELOAD_SECONDS", FOR_EVER)
    monkeypatch.setattr(shared, "PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(shared, "QUIET_SECONDS", 0.2)


class Worker:
    """Hears changes as a worker of `idp serve` does, through a network that can be told to fail."""

    def __init__(self, world: World, memory: Server) -> None:
        self.network = Proxy(memory.port)
        self.settings = sharing(world.deps.settings, self.network.port, issuer=world.base)
        self.heard: list[str] = []
        self.keyring = Keyring(world.deps)
        self._stop = threading.Event()
        self._shared = Shared(self.settings)
        self._thread = threading.Thread(target=self._shared.listen, args=(self._hear, self._stop))
        self._thread.start()
        assert wait_until(lambda: ALL in self.heard, A_WHILE)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        self._shared.close()
        self.network.stop()

    def _hear(self, change: str) -> None:
        background.hear(self.keyring, change)
        self.heard.append(change)


def sharing(settings: Settings, port: int, *, issuer: str) -> Settings:
    """Patient: a busy machine is not to look like a broken server."""
    url = SecretStr(f"valkey://127.0.0.1:{port}/0")
    return settings.model_copy(update={"redis_url": url, "redis_wait_milliseconds": 60_000, "issuer": issuer})


@pytest.fixture
def worker(world: World, memory: Server) -> Iterator[Worker]:
    made = Worker(world, memory)
    yield made
    made.stop()


@pytest.fixture
def idp(world: World, memory: Server) -> Callable[..., None]:
    """A command of an operator, in a process of its own."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("IDP_")}
    url = world.deps.settings.database_url.get_secret_value()
    own = {"IDP_DATABASE_URL": url, "IDP_ISSUER": world.base, "IDP_REDIS_URL": memory.url}

    def run(*arguments: str) -> None:
        environ = clean | own | {"IDP_REDIS_WAIT_MILLISECONDS": "2000"}
        done = subprocess.run([*IDP, *arguments], env=environ, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr

    return run


def test_a_portal_that_another_process_disables_is_refused(
    world: World, worker: Worker, idp: Callable[..., None]
) -> None:
    portal = world.portal(world.agency())
    assert portal.refresh("x" * 43).json()["error"] == "invalid_grant"

    idp("clients", "disable", portal.client_id)

    assert wait_until(lambda: portal.refresh("x" * 43).json()["error"] == "invalid_client", A_WHILE)


def test_a_dry_run_is_not_announced(world: World, worker: Worker, idp: Callable[..., None]) -> None:
    first, second = world.portal(world.agency()), world.portal(world.agency())

    idp("clients", "disable", first.client_id, "--dry-run")
    idp("clients", "disable", second.client_id)

    assert wait_until(lambda: f"client {second.client_id}" in worker.heard, A_WHILE)
    assert f"client {first.client_id}" not in worker.heard


def test_a_key_that_another_process_makes_is_published(world: World, worker: Worker, idp: Callable[..., None]) -> None:
    def published() -> set[str]:
        with world.server.app.app_context():
            return {key["kid"] for key in json.loads(worker.keyring.public()[0])["keys"]}

    before = published()

    idp("keys", "rotate", "--algorithm", "ES256")

    assert wait_until(lambda: len(published() - before) >= 1, A_WHILE)


@pytest.mark.parametrize("network", [Network.RESET, Network.SILENT])
def test_who_was_cut_off_knows_nothing_any_more_and_hears_again(
    world: World, worker: Worker, idp: Callable[..., None], network: Network
) -> None:
    """A change that was announced meanwhile is lost; a network that swallows everything says nothing of it either."""
    portal = world.portal(world.agency())
    assert portal.refresh("x" * 43).json()["error"] == "invalid_grant"

    worker.network.network = network
    idp("clients", "disable", portal.client_id)
    seen = len(worker.heard)
    worker.network.network = Network.PASS
    if network is Network.SILENT:  # what was connected meanwhile stays deaf, as it would
        assert wait_until(lambda: ALL in worker.heard[seen:], A_WHILE)

    assert wait_until(lambda: portal.refresh("x" * 43).json()["error"] == "invalid_client", A_WHILE)
    idp("clients", "enable", portal.client_id)
    assert wait_until(lambda: portal.refresh("x" * 43).json()["error"] == "invalid_grant", A_WHILE)


def test_what_was_read_before_a_change_is_not_kept_after_it(world: World) -> None:
    """A thread that read a portal a moment before it was disabled put the old one back into the cache, for two seconds."""
    portal = world.portal(world.agency())
    with world.reading() as db:
        drops = store.cache.drops
        old = store.find(db, portal.client_id, now=world.clock())
    assert old is not None
    with world.transaction() as db:
        store.change(db, world.deps, replace(old, disabled_at=world.clock()))

    store.cache.put(old, drops=drops)

    with world.server.app.app_context():
        found = clients.find(world.deps, portal.client_id)
    assert found is not None
    assert found.disabled_at is not None


def test_nobody_keeps_a_portal_while_its_change_is_being_committed(world: World) -> None:
    """It was forgotten when it was changed, and read and kept once more until the commit."""
    portal = world.portal(world.agency())
    with world.reading() as db:
        old = store.find(db, portal.client_id, now=world.clock())
    assert old is not None
    with world.transaction() as db:
        store.change(db, world.deps, replace(old, disabled_at=world.clock()))
        store.cache.put(old, drops=store.cache.drops)  # another worker's thread

    assert store.cache.get(portal.client_id) is None


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:6379",
        "http://127.0.0.1",
        "valkey://:marker-secret@127.0.0.1:port",
        "valkey://:marker@[::1]/0?speed=9",
    ],
)
def test_an_address_that_is_none_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Shared(Settings(redis_url=SecretStr(url)))

    assert "redis_url" in str(refused.value)
    assert "marker" not in str(refused.value)


def test_without_the_library_the_setting_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "valkey", None)  # as if it were not installed

    with pytest.raises(SettingsError, match=r"mon-compte-immobilier\[valkey\]"):
        load({"IDP_REDIS_URL": "valkey://127.0.0.1"}, config_dir=tmp_path)
