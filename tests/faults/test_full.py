"""The disk of a SQLite file full, and the folder for what is temporary: refused cleanly or not felt, and well again after."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.catalogue import fault
from tests.faults.disk import Disk, mounted
from tests.faults.load import Load
from tests.faults.service import Service
from tests.support import acts
from tests.support.ports import free_port
from tests.support.served import Served
from tests.support.world import STRONG, ProviderServer, World


class File:
    """A database in a file, where a service has a cluster."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._port = free_port()  # nothing listens there, and nobody asks

    def create(self, _name: str) -> str:
        return f"sqlite:///{self.path}"

    def is_full(self) -> bool:
        """Whether a writer is told so, after all room is taken back that the log of writes had beforehand."""
        connection = sqlite3.connect(self.path, timeout=30, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("CREATE TABLE too_much (words TEXT)")
            connection.execute(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9000) "
                "INSERT INTO too_much SELECT hex(randomblob(1000)) FROM n"
            )
            connection.execute("ROLLBACK")
        except sqlite3.OperationalError as error:
            return error.sqlite_errorcode == sqlite3.SQLITE_FULL
        finally:
            connection.close()
        return False


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    made = mounted(tmp_path_factory.mktemp("disk"), megabytes=12)
    yield made
    made.remove()


@pytest.fixture(scope="module")
def file(disk: Disk) -> File:
    return File(disk.folder / "idp.sqlite")


@pytest.fixture(scope="module")
def _on_it(file: File, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    made = Service(file, tmp_path_factory.mktemp("service"), "disk")
    yield made
    made.stop()


@fault("X13")
def test_a_full_disk_under_a_file_loses_nothing_and_is_told_as_a_503(disk: Disk, file: File, on_it: Service) -> None:
    """People and portals go on meanwhile; what they were told is checked against what is stored in the end."""
    felt: list[bool] = []

    def harm(rng: random.Random) -> None:
        disk.fill()
        felt.append(file.is_full())
        threading.Event().wait(rng.uniform(0.2, 1.0))  # so long the disk stays full
        disk.free()

    Load(on_it, 13).run(harm, every=1.5)

    assert any(felt), "the disk was never full"


@fault("X13")
def test_while_the_disk_is_full_portals_and_people_are_told_and_afterwards_all_goes_on(
    disk: Disk, file: File, on_it: Service
) -> None:
    there = on_it.world
    letter, _ = there.member()
    portal = there.portal(letter)
    person = there.signed_in(letter)
    code = person.get(portal.authorize_url()).headers["location"]
    kept = portal.redeem(person.get(portal.authorize_url()).headers["location"]).json()["refresh_token"]
    newcomer = there.person()
    newcomer.open(f"/login?{letter.query}")
    with sqlite3.connect(file.path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    disk.fill()
    try:
        refused = portal.redeem(code)
        page = newcomer.submit(identifier=str(letter.email), password=STRONG)
        public = [on_it.status(path) for path in ("/oauth/jwks", "/.well-known/openid-configuration", "/health/live")]
        again = portal.refresh(kept)
    finally:
        disk.free()

    for told in (refused, again):
        assert (told.status_code, told.json()["error"]) == (503, "temporarily_unavailable")
        assert int(told.headers["retry-after"]) > 0
    assert page.status == 503
    assert "Réessayez dans un instant. Rien de ce que vous avez validé n'est perdu." in page.text
    assert public == [200, 200, 200]
    assert portal.redeem(code).status_code == 200, "a code that was refused then is not spent"
    assert portal.refresh(kept).status_code == 200
    newcomer.open(f"/login?{letter.query}")
    assert newcomer.submit(identifier=str(letter.email), password=STRONG).heading == "Profil"


@fault("X13")
def test_a_full_folder_for_what_is_temporary_is_not_felt(
    provider: ProviderServer, world: World, tmp_path: Path
) -> None:
    """Workers count in files there that they map, and died of the first count that found no room."""
    letter, _ = world.member()
    temporary = mounted(tmp_path, megabytes=4)
    served = Served(provider, TMPDIR=str(tmp_path))
    try:
        workers = served.workers()
        temporary.fill()
        portal = replace(world.portal(letter), base=served.base)
        person = served.person()
        wrong = acts.sign_in(served.person(), letter, password="Faux-Mot-99x")
        right = acts.sign_in(person, letter)
        location = person.get(portal.authorize_url()).headers["location"]
        tokens = portal.redeem(location).json()
        refreshed = portal.refresh(tokens["refresh_token"])
        asked = portal.userinfo(refreshed.json()["access_token"])
        counted = served.scrape()
        survived = served.workers()
    finally:
        served.stop()
        temporary.remove()

    assert survived == workers
    assert (wrong.status, right.heading, refreshed.status_code, asked.status_code) == (400, "Profil", 200, 200)
    assert "idp_sign_ins_total" in counted


_COUNTS = """
import sys
from pathlib import Path
from idp import metrics
registry = metrics.enable()
for full in (False, True):
    if full:
        with Path(sys.argv[1], "filler").open("ab", buffering=0) as filler:
            try:
                while True:
                    filler.write(bytes(4096))
            except OSError:
                pass
    for number in range(30 + 570 * full):
        metrics.request(f"/route/{full}/{number}", 200, 0.1)
    metrics.request("/route/False/0", 200, 0.1)
print(len([sample for metric in registry.collect() for sample in metric.samples if sample.name.endswith("_count")]))
"""


@fault("X13")
@pytest.mark.parametrize("when", ["meanwhile", "from the start"])
def test_what_finds_no_room_is_not_counted_and_ends_no_process(tmp_path: Path, when: str) -> None:
    disk = mounted(tmp_path, megabytes=1)
    try:
        counts = tmp_path / "counts"
        counts.mkdir()
        if when == "from the start":
            disk.fill()
        done = subprocess.run(
            [sys.executable, "-c", _COUNTS, str(tmp_path)],
            env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(counts)},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    finally:
        disk.remove()

    assert done.returncode == 0, (done.returncode, done.stderr)
    counted = int(done.stdout)
    assert counted == 0 if when == "from the start" else 30 < counted < 500
