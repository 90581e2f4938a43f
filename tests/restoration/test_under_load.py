"""Backups that are made while people sign in, put back: what they hold fits together."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from idp.settings import ROOT
from tests.cli.terminal import Terminal
from tests.faults.catalogue import fault
from tests.restoration.conftest import Restorable
from tests.support import postgres
from tests.support.acts import ask_for_account, confirm, to_merge
from tests.support.mailbox import Mailbox
from tests.support.world import STRONG, ProviderServer, World

BUSY = 3
Archive = Callable[..., int]


def _life(world: World) -> None:
    """An account, a portal's tokens, a second letter merged."""
    letter, other = world.letter(), world.letter(email=None)
    person = ask_for_account(world, letter)
    confirm(world, person, letter.email)
    portal = world.portal(letter)
    tokens = portal.redeem(person.open(portal.authorize_url()).response.headers["location"]).json()
    assert portal.refresh(tokens["refresh_token"]).status_code == 200
    to_merge(world, other, str(letter.email)).submit(password=STRONG)


@contextmanager
def busy(world: World) -> Iterator[Callable[[], int]]:
    """People all the time, several at once; the value counts those who came to their end."""
    over, lived, errors = threading.Event(), [0], list[BaseException]()

    def live() -> None:
        try:
            while not over.is_set():
                _life(world)
                lived[0] += 1
        except BaseException as error:  # noqa: BLE001 - raised below
            errors.append(error)

    threads = [threading.Thread(target=live) for _ in range(BUSY)]
    for thread in threads:
        thread.start()

    def some_more() -> int:
        goal = lived[0] + BUSY
        while lived[0] < goal and not errors:
            over.wait(0.01)
        return lived[0]

    try:
        some_more()
        yield some_more
        some_more()
    finally:
        over.set()
        for thread in threads:
            thread.join()
    if errors:
        raise errors[0]


def _consistency(idp: Terminal) -> list[Any]:
    found = idp.run("doctor", "--db", "--output", "json").data
    return [(one["level"], one["detail"]) for one in found if one["check"] == "consistency"]


@fault("X29")
def test_a_backup_under_load_fits_together(place: Restorable, tmp_path: Path) -> None:
    with busy(place.world):
        made = place.idp.run("db", "backup", str(tmp_path / "backup"))
        assert made.code == 0, made.err

    place.put_back(tmp_path / "backup")
    assert place.idp.run("db", "restored").code == 0
    assert [level for level, _ in _consistency(place.idp)] == ["ready"]
    assert place.idp.run("audit", "verify").code == 0
    _life(place.world)


# --- to a point in time --------------------------------------------------------------------------------------------------


def _archiving(wal: Path) -> str:
    """The options of config/postgresql/archive.conf, archiving to a folder of the test's."""
    written = (ROOT / "config" / "postgresql" / "archive.conf").read_text(encoding="utf-8")
    options = re.findall(r"^(\w+) = (.*)$", written.replace("/var/backups/idp/wal", str(wal)), re.MULTILINE)
    assert dict(options).keys() == {"wal_level", "archive_mode", "archive_command", "archive_timeout"}
    return " ".join(f'-c {name}="{value.strip(chr(39))}"' for name, value in options)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """Archives a file of PostgreSQL's log to `wal` in the test's folder, as config/postgresql/archive.conf says."""
    (tmp_path / "wal").mkdir()
    written = (ROOT / "config" / "postgresql" / "archive.conf").read_text(encoding="utf-8")
    found = re.search(r"^archive_command = '(.*)'$", written, re.MULTILINE)
    assert found is not None

    def archived(name: str, content: bytes, room: str = "unlimited") -> int:
        (tmp_path / name).write_bytes(content)
        command = found[1].replace("/var/backups/idp/wal", str(tmp_path / "wal"))
        command = command.replace("%p", str(tmp_path / name)).replace("%f", name)
        return subprocess.run(["sh", "-c", f"ulimit -f {room}; {command}"], capture_output=True, check=False).returncode

    return archived


@fault("X29")
def test_an_archive_goes_on_after_a_copy_that_was_cut_short(archive: Archive, tmp_path: Path) -> None:
    """A full disk, or a server that was killed, left half a file under its name: it was never replaced, nothing was
    archived after it, and a restore ended at it.
    """
    wal = tmp_path / "wal"
    assert archive("0001", bytes(1 << 16), room="8") != 0
    assert not (wal / "0001").exists()

    assert archive("0001", bytes(1 << 16)) == 0
    assert [file.name for file in wal.iterdir()] == ["0001"]
    assert archive("0001", bytes(1 << 16)) == 0, "it was archived, and the server died before it knew"
    assert archive("0001", b"other" * 100) != 0, "another cluster's"
    assert (wal / "0001").read_bytes() == bytes(1 << 16)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where PostgreSQL's own user may write."""
    made = Path(tempfile.mkdtemp(prefix="idp-archive-"))
    user = postgres.Cluster._unprivileged()
    for path in (made, made / "wal", made / "restored"):
        path.mkdir(exist_ok=True)
        if user is not None:
            os.chown(path, user.pw_uid, user.pw_gid)
    yield made
    shutil.rmtree(made)


@fault("X29")
def test_a_point_in_time_comes_back_from_a_base_backup_and_the_archive(
    folder: Path, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    if postgres.installed() is None:
        pytest.fail("PostgreSQL's server programs are not installed: `make system` installs them")
    primary = postgres.Cluster(_archiving(folder / "wal"))
    url = primary.create("idp")
    server = ProviderServer(url, mailbox)
    world, engine = World(server), create_engine(url)
    data = folder / "restored" / "data"
    with busy(world) as some_more:
        base = ("-h", "127.0.0.1", "-p", str(primary._port), "-U", "idp", "-D", str(data))
        primary._run("pg_basebackup", *base, "--wal-method=none", "--checkpoint=fast")
        some_more()
        _, before = world.member()
        with engine.connect() as connection:
            moment = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        some_more()
        _, after = world.member()
    with engine.connect() as connection:
        last = connection.execute(text("SELECT pg_walfile_name(pg_switch_wal())")).scalar_one()
    while not (folder / "wal" / last).exists():
        threading.Event().wait(0.05)
    engine.dispose()
    server.stop()
    primary.stop()

    (data / "recovery.signal").touch()
    shutil.chown(data / "recovery.signal", data.owner(), data.group())
    options = {
        "restore_command": f"cp {folder}/wal/%f %p",
        "recovery_target_time": f"{moment}",
        "recovery_target_action": "promote",
    }
    restored = postgres.Cluster(" ".join(f'-c {name}="{value}"' for name, value in options.items()), folder=data.parent)
    try:
        address = restored.url("idp")
        engine = create_engine(address)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            while connection.execute(text("SELECT pg_is_in_recovery()")).scalar_one():
                threading.Event().wait(0.05)
            known = set(connection.execute(text("SELECT id FROM accounts")).scalars())
        engine.dispose()
        assert before in known
        assert after not in known
        monkeypatch.setenv("IDP_DATABASE_URL", address)
        idp = Terminal()
        assert idp.run("db", "restored").code == 0
        assert [level for level, _ in _consistency(idp)] == ["ready"]
    finally:
        restored.stop()
