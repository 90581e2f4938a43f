"""The disk full, and logs that cannot be written: refused cleanly, nothing acknowledged lost, well again when there is room."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import select, text

from idp.audit.tables import AuditEvent
from tests.demo.running import wait_until
from tests.faults.catalogue import fault
from tests.faults.disk import Disk, mounted
from tests.faults.load import Load
from tests.faults.service import DURABLE, Service, recovery_seconds
from tests.support import acts, postgres
from tests.support.served import Served
from tests.support.world import STRONG, ProviderServer, World

MEGABYTES = 160  # of the disk; the schema and two segments of the log take half of it


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    made = mounted(tmp_path_factory.mktemp("disk"), megabytes=MEGABYTES)
    yield made
    made.remove()


@pytest.fixture(scope="module")
def _on_it(disk: Disk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service whose database is on the small disk."""
    if postgres.installed() is None:
        pytest.skip("PostgreSQL's server programs are not installed")
    for parent in (disk.folder.parent, *disk.folder.parents[1:3]):  # PostgreSQL does not run as root
        parent.chmod(parent.stat().st_mode | 0o011)
    cluster = postgres.Cluster(f"{DURABLE} -c max_wal_size=32MB -c wal_recycle=off", folder=disk.folder / "cluster")
    made = Service(cluster, tmp_path_factory.mktemp("service"), "disk")
    yield made
    made.stop()
    cluster.stop()


@fault("X13")
def test_a_full_disk_of_the_database_loses_nothing_and_is_told_as_a_503(disk: Disk, on_it: Service) -> None:
    """People and portals go on meanwhile; what they were told is checked against what is stored in the end."""
    felt: list[str] = []

    def harm(rng: random.Random) -> None:
        disk.fill()
        felt.extend(_what_a_writer_is_told(on_it))
        threading.Event().wait(rng.uniform(0.2, 1.0))  # so long the disk stays full
        disk.free()
        if not wait_until(lambda: _answers(on_it), 5):
            on_it.cluster.restart()  # a server that could not write its log ends, and whoever supervises it starts it

    Load(on_it, 13).run(harm, every=1.5)

    assert felt, "the disk was never full"
    assert wait_until(lambda: on_it.status("/health/ready") == 200, recovery_seconds())


def _connected(service: Service) -> psycopg.Connection:
    return psycopg.connect(service.cluster.url("disk").replace("+psycopg", ""), connect_timeout=5)


def _what_a_writer_is_told(service: Service) -> list[str]:
    try:
        with _connected(service) as connection:
            connection.execute(
                "CREATE TABLE too_much AS SELECT repeat(md5(n::text), 60) FROM generate_series(1, 9000) AS n"
            )
            connection.rollback()
    except psycopg.Error as error:
        return [type(error).__name__]
    return []


def _answers(service: Service) -> bool:
    try:
        with _connected(service) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.Error:
        return False


@fault("X14")
@pytest.mark.parametrize("where", ["full", "gone"])
def test_logs_that_cannot_be_written_stop_nobody(provider: ProviderServer, world: World, where: str) -> None:
    """A disk of logs that is full (every write fails), and a collector that has ended (every write is a broken pipe)."""
    reader, writer = os.pipe()
    os.close(reader)
    letter, _ = world.member()
    served = Served(
        provider, log=Path("/dev/full") if where == "full" else Path(f"/proc/self/fd/{writer}"), IDP_LOG_LEVEL="DEBUG"
    )
    try:
        portal = replace(world.portal(letter), base=served.base)
        wrong = acts.sign_in(served.person(), letter, password="Faux-Mot-99x")
        right = acts.sign_in(served.person(), letter)
        refused = portal.refresh("x" * 43)
    finally:
        served.stop()
        os.close(writer)
    with world.reading() as db:
        kept = set(db.scalars(select(AuditEvent.name).where(AuditEvent.agency_id == letter.agency_id)))

    assert (wrong.status, right.heading, refused.status_code) == (400, "Profil", 400)
    assert {"login.refused", "login.succeeded"} <= kept


@fault("X14")
def test_what_cannot_be_written_to_the_audit_trail_does_not_happen(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log is for operators and may be lost; the trail is in the transaction of the deed, and both are or neither is."""
    letter, _ = world.member()
    person = world.person()
    person.open(f"/login?{letter.query}")
    broken = text(
        "ALTER TABLE audit_events RENAME TO audit_events_away",
    )
    mended = text("ALTER TABLE audit_events_away RENAME TO audit_events")
    with world.transaction() as db:
        db.execute(broken)
    try:
        page = person.submit(identifier=str(letter.email), password=STRONG)
        inside = person.get("/profile").status_code
    finally:
        with world.transaction() as db:
            db.execute(mended)

    assert page.status == 503
    assert inside != 200
    assert acts.sign_in(world.person(), letter).heading == "Profil"
