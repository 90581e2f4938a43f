"""The database fails over to its standby: what was acknowledged survives where the standby acknowledges first."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from idp.restoration import backup
from idp.restoration.epochs.steps import require_settled
from tests.demo.running import wait_until
from tests.faults.catalogue import fault
from tests.faults.load import Load
from tests.faults.proxy import Proxy
from tests.faults.service import DURABLE, Service, recovery_seconds
from tests.support import postgres
from tests.support.mailbox import Mailbox
from tests.support.postgres import Cluster
from tests.support.world import ProviderServer, World


class Pair:
    """A primary and, from `follow` on, its standby, behind one address. Stands where a test expects a cluster."""

    def __init__(self) -> None:
        self._primary = Cluster(DURABLE)
        self._standby: Cluster | None = None
        self._alive = [self._primary]
        self._door = Proxy(self._primary._port)
        self._port = self._door.port
        # Not in a folder of the tests: PostgreSQL does not run as root, and may enter none of those.
        self._folder = Path(tempfile.mkdtemp(prefix="idp-standby-"))

    def create(self, database: str) -> str:
        return self._primary.create(database).replace(str(self._primary._port), str(self._port))

    def both(self, database: str) -> str:
        """An address that names both, the standby first."""
        assert self._standby is not None
        hosts = [f"host=127.0.0.1:{one._port}" for one in (self._standby, self._primary)]
        return f"postgresql+psycopg://idp@/{database}?{'&'.join(hosts)}&target_session_attrs=read-write"

    def follow(self, *, synchronous: bool) -> None:
        """Start the standby. synchronous: a commit is acknowledged once the standby has it."""
        primary, user = self._primary, self._primary._as
        if user is not None:
            shutil.chown(self._folder, user.pw_uid, user.pw_gid)
        where = ("-h", "127.0.0.1", "-p", str(primary._port), "-U", "idp")
        primary._run("pg_basebackup", *where, "-D", str(self._folder / "data"), "-R", "--checkpoint=fast", "--no-sync")
        self._standby = Cluster(DURABLE, folder=self._folder)
        self._alive.append(self._standby)
        if synchronous:
            self._ask(primary, "ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()")
        assert wait_until(lambda: self._state() == ("sync" if synchronous else "async"), 60)

    def fall_behind(self) -> None:
        """From now on the standby hears nothing."""
        assert self._standby is not None
        self._ask(self._standby, "ALTER SYSTEM SET primary_conninfo = ''", "SELECT pg_reload_conf()")
        assert wait_until(lambda: self._state() is None, 60)

    def fail_over(self) -> None:
        """The primary is killed, the standby takes its place behind the address."""
        assert self._standby is not None
        self._alive.remove(self._primary)
        self._primary.stop()
        self._standby._run("pg_ctl", "-D", str(self._folder / "data"), "-w", "-t", "600", "promote")
        self._door.lead_to(self._standby._port)

    def stop(self) -> None:
        for one in self._alive:
            one.stop()
        self._door.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _state(self) -> str | None:
        found = self._ask(self._primary, "SELECT sync_state FROM pg_stat_replication")
        return str(found[0][0]) if found else None

    @staticmethod
    def _ask(cluster: Cluster, *statements: str) -> list[tuple[object, ...]]:
        with psycopg.connect(f"postgresql://idp@127.0.0.1:{cluster._port}/postgres", autocommit=True) as connection:
            for statement in statements:
                cursor = connection.execute(statement)
            return cursor.fetchall()


@pytest.fixture
def pair() -> Iterator[Pair]:
    if postgres.installed() is None:
        pytest.skip("PostgreSQL's server programs are not installed")
    made = Pair()
    yield made
    made.stop()


@fault("X5")
def test_a_synchronous_standby_takes_over_with_all_that_was_acknowledged(pair: Pair, tmp_path: Path) -> None:
    service = Service(pair, tmp_path, "failing")  # type: ignore[arg-type]
    over: list[bool] = []

    def harm(_: random.Random) -> None:
        if not over:
            pair.fail_over()
            over.append(True)

    try:
        pair.follow(synchronous=True)
        Load(service, 5).run(harm, every=2.0)
        assert over
        assert wait_until(lambda: service.status("/health/ready") == 200, recovery_seconds())
        service.world.send_home()
    finally:
        service.stop()


@fault("X5")
def test_what_a_standby_that_was_behind_has_lost_cannot_be_used_for_long(pair: Pair, mailbox: Mailbox) -> None:
    """Without a synchronous standby PostgreSQL loses its last commits. A code that was redeemed in one of them is unspent
    again, for what is left of its minute; tokens that were issued in one are unknown, and refused as such."""
    server = ProviderServer(pair.create("behind"), mailbox)
    world = World(server)
    try:
        letter, _ = world.member()
        portal = world.portal(letter)
        person = world.signed_in(letter)
        location = person.open(portal.authorize_url()).response.headers["location"]
        pair.follow(synchronous=False)
        pair.fall_behind()
        lost = portal.redeem(location)

        pair.fail_over()

        assert wait_until(lambda: person.open("/profile").heading == "Profil", recovery_seconds())
        refused = portal.refresh(lost.json()["refresh_token"])
        world.clock.advance(seconds=server.settings.code_validity_seconds + 1)
        replayed = portal.redeem(location)
        again = portal.redeem(person.open(portal.authorize_url()).response.headers["location"])
    finally:
        world.close()
        server.stop()

    assert lost.status_code == 200
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert (replayed.status_code, replayed.json()["error"]) == (400, "invalid_grant")
    assert again.status_code == 200


@fault("X5")
def test_with_both_hosts_in_the_address_nobody_has_to_change_it(pair: Pair, mailbox: Mailbox, tmp_path: Path) -> None:
    """The standby stands first: what takes no writes is passed over, and is the one to write to once it took over."""
    pair._primary.create("named")
    pair.follow(synchronous=True)
    url = pair.both("named")
    server = ProviderServer(url, mailbox)
    world = World(server)
    try:
        letter, _ = world.member()
        person = world.signed_in(letter)
        backup.write(url, tmp_path / "backup")

        pair.fail_over()

        assert wait_until(lambda: person.open("/profile").heading == "Profil", recovery_seconds())
        assert world.signed_in(letter).page.heading == "Profil"
        with server.app.app_context():
            require_settled()  # the same database, in another place: no epoch ends
    finally:
        world.close()
        server.stop()

    assert (tmp_path / "backup").stat().st_size > 0
