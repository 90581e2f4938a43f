"""`idp demo` at the terminal: what it says, what it keeps, how it ends."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from idp.demo.places import PORTS
from tests.demo.running import RunningDemo, free_ports, port_is_free, wait_until


def test_the_first_line_tells_a_program_where_everything_is(demo: RunningDemo) -> None:
    assert demo.told["issuer"] == f"http://127.0.0.1:{demo.port_base}"
    assert demo.told["mailbox"] == f"http://127.0.0.1:{demo.port_base + 1}"
    portals = demo.told["portals"]
    assert [(p["client"], p["societe"]) for p in portals] == [("ADB", "TLS01"), ("ADB", "MTP01"), ("RESID-SUD", "0042")]
    assert all(p["login"] == f"{p['url']}/connexion" for p in portals)
    letters = demo.told["letters"]
    assert len(letters) >= 12
    assert all(
        set(one) == {"client", "societe", "provisional_identifier", "provisional_password", "email"} for one in letters
    )
    assert any(one["email"] is None for one in letters)


def test_good_lines_of_the_export_became_letters_and_mistakes_did_not(demo: RunningDemo) -> None:
    letters = demo.told["letters"]
    names = [one["provisional_identifier"] for one in letters]
    assert len(names) == len(set(names))
    assert demo.letter("TLS010108")["provisional_password"] == "platane31"  # chosen by the agency
    assert len(demo.letter("TLS010101")["provisional_password"]) == 19  # made by the import
    assert not {"TLS010123", "ZZZ990001", "RS420199", ""} & set(names)
    assert demo.letter("RS420106")["client"] == "RESID-SUD"  # written with spaces around it
    assert demo.letter("RS420109")["email"] is None  # "a@" is no address


def test_everything_listens_on_loopback_only(demo: RunningDemo) -> None:
    listening = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            local, state = line.split()[1], line.split()[3]
            address, port = local.split(":")
            if state == "0A" and demo.port_base <= int(port, 16) < demo.port_base + PORTS:
                listening[int(port, 16)] = address
    assert listening == dict.fromkeys(range(demo.port_base, demo.port_base + PORTS), "0100007F")


def test_secrets_are_for_their_user_only(demo: RunningDemo) -> None:
    kept = demo.folder / ".demo"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o700
    for name in ("secret-key", "letters.json", "letters.csv", "env", "secret-portail-adb-tls01"):
        assert stat.S_IMODE((kept / name).stat().st_mode) == 0o600, name


def test_commands_can_be_run_on_it_and_its_doctor_is_content(demo: RunningDemo) -> None:
    idp = Path(sys.executable).parent / "idp"
    command = f". .demo/env && {idp} doctor --output json && {idp} clients list --output csv"
    done = subprocess.run(["sh", "-c", command], cwd=demo.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "broken" not in done.stdout
    assert "portail-adb-tls01" in done.stdout


def test_a_port_in_use_is_one_sentence_and_touches_nothing(tmp_path: Path) -> None:
    base = free_ports()
    with socket.socket() as other:
        other.bind(("127.0.0.1", base + 4))
        other.listen()
        code, out, err = RunningDemo(tmp_path, port_base=base).ended()
    assert (code, out) == (1, "")
    assert err == f"idp: port {base + 4} is in use: stop what listens there, or choose others with --port-base\n"
    assert list(tmp_path.iterdir()) == []


def test_a_second_one_in_the_same_folder_is_refused(demo: RunningDemo) -> None:
    code, out, err = RunningDemo(demo.folder, "--fresh").ended()
    assert (code, out) == (1, "")
    assert err == f"idp: another demonstration runs in {demo.folder}/.demo: stop it first\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_everything_it_started_without_a_traceback(tmp_path: Path, number: int) -> None:
    running = RunningDemo(tmp_path).started()
    children = running.children
    assert children
    code, out, err = running.stop(number)
    assert (code, out, err) == (0, "", "")
    assert all(port_is_free(port) for port in range(running.port_base, running.port_base + PORTS))
    assert not any(Path(f"/proc/{pid}").exists() for pid in children)


def test_stopping_it_while_it_starts_is_quiet_too(tmp_path: Path) -> None:
    running = RunningDemo(tmp_path)
    assert wait_until(lambda: (tmp_path / ".demo" / "provider.log").exists())
    assert running.stop() == (0, "", "")


def test_killed_outright_it_leaves_no_provider_behind(tmp_path: Path) -> None:
    running = RunningDemo(tmp_path).started()
    children = running.children
    running.stop(signal.SIGKILL)
    assert wait_until(lambda: not any(_alive(pid) for pid in children))


def test_when_the_provider_ends_it_says_so_and_ends(tmp_path: Path) -> None:
    running = RunningDemo(tmp_path).started()
    os.kill(running.children[0], signal.SIGKILL)
    code, _, err = running.ended()
    assert code == 1
    assert err.startswith("idp: the provider has ended: ")
    assert "Traceback" not in err


def test_a_second_run_goes_on_and_a_fresh_one_starts_again(tmp_path: Path) -> None:
    first = RunningDemo(tmp_path).started()
    first.stop()
    again = RunningDemo(tmp_path).started()  # at other ports: the portals are moved
    again.stop()
    assert again.told["letters"] == first.told["letters"]
    assert again.told["issuer"] != first.told["issuer"]
    (tmp_path / ".demo" / "mine.txt").write_text("not of the demonstration")
    fresh = RunningDemo(tmp_path, "--fresh").started()
    fresh.stop()
    assert fresh.letter("TLS010101") != first.letter("TLS010101")
    assert (tmp_path / ".demo" / "mine.txt").exists()


def test_variables_of_a_real_installation_are_not_read(tmp_path: Path) -> None:
    real = {"IDP_DATABASE_URL": "postgresql+psycopg://192.0.2.1/real", "IDP_ENVIRONMENT": "production", "IDP_X": "1"}
    running = RunningDemo(tmp_path, **real).started()
    assert running.stop()[0] == 0


def _alive(pid: int) -> bool:
    """Whether a process runs; one that ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
