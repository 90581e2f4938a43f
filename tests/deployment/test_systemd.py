"""The units of config/systemd, as systemd itself judges them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from idp.cli.serve import STOP_SECONDS
from idp.settings import ROOT

UNITS = ROOT / "config" / "systemd"
SERVICES = sorted(UNITS.glob("*.service"))
MOST_EXPOSED = 25  # of 100; what is left is the network, which a network service needs


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    if shutil.which("systemd-analyze") is None:
        if os.environ.get("CI"):
            pytest.fail("systemd is not installed: `make system` installs it")
        pytest.skip("systemd is not installed")
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_a_unit_is_exposed_as_little_as_a_network_service_can_be(unit: Path) -> None:
    told = analyze("security", "--offline=true", f"--threshold={MOST_EXPOSED}", "--no-pager", str(unit))
    assert told.returncode == 0, told.stdout + told.stderr


def test_systemd_understands_every_line(tmp_path: Path) -> None:
    """In a folder of our own, with the program and the user that a host has by then."""
    for unit in UNITS.iterdir():
        text = unit.read_text(encoding="utf-8").replace("User=idp\n", "User=root\n")
        (tmp_path / unit.name).write_text(
            re.sub(r"/opt/idp/\.venv/bin/idp", "/bin/true", text).replace("/opt/idp", "/")
        )
    told = analyze("verify", "--man=no", *(str(path) for path in sorted(tmp_path.iterdir())))
    ours = [line for line in told.stderr.splitlines() if str(tmp_path) in line or line.startswith("idp")]
    assert ours == []


def test_the_service_has_longer_to_stop_than_it_gives_its_workers() -> None:
    text = (UNITS / "idp.service").read_text(encoding="utf-8")
    found = re.search(r"TimeoutStopSec=(\d+)", text)
    assert found is not None
    assert int(found[1]) > STOP_SECONDS
    assert "KillMode=mixed" in text


def test_nginx_looks_for_the_service_where_systemd_listens() -> None:
    listens = re.findall(r"ListenStream=(\S+)", (UNITS / "idp.socket").read_text(encoding="utf-8"))
    assert listens == re.findall(r"^    server (127\S+);", (ROOT / "config/nginx/idp.conf").read_text(), re.MULTILINE)
