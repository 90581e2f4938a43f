"""The real nginx with the files of config/nginx, on loopback, with a certificate of our own.

Nothing in the files is changed but the places where a host puts things: names, ports and folders, each of which must be there.
"""

from __future__ import annotations

import getpass
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from idp.settings import ROOT
from tests.demo.running import wait_until
from tests.support.outside import Authority
from tests.support.ports import free_port
from tests.support.world import HTTP

NAME = "localhost"
_FILES = ("nginx.conf", "idp.conf", "idp-proxy.conf")
_MARKS = itertools.count(1)
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def program() -> str:
    """The installed nginx. A machine without it skips the test and says so; where CI is set that is a failure."""
    found = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("nginx is not installed: `make system` installs it")
        pytest.skip("nginx is not installed")
    return found


class Nginx:
    """base: what people open. plain_port: the one without TLS. folder: its logs and cache.

    changed: what a test needs otherwise, a text of the files and what stands there instead.
    """

    def __init__(
        self, folder: Path, upstream_port: int, *, port: int | None = None, changed: dict[str, str] | None = None
    ) -> None:
        self.folder = folder
        self.port, self.plain_port = port or free_port(), free_port()
        self.base = f"https://{NAME}:{self.port}"
        self.authority = Authority(folder)
        certificate = self.authority.file_for(NAME)
        places = {
            "user www-data;": f"user {getpass.getuser()};",
            "/run/nginx.pid": f"{folder}/pid",
            "/var/log/nginx": f"{folder}",
            "/var/cache/nginx/idp": f"{folder}/cache",
            "/etc/nginx/idp": f"{folder}/idp",
            "/etc/ssl/moncompte/fullchain.pem": str(certificate),
            "/etc/ssl/moncompte/privkey.pem": str(certificate),
            "/opt/idp": str(ROOT),
            "listen 80": f"listen 127.0.0.1:{self.plain_port}",
            "listen 443": f"listen 127.0.0.1:{self.port}",
            "server 127.0.0.1:8000": f"server 127.0.0.1:{upstream_port}",
            "https://www.moncompte.example": self.base,
            "www.moncompte.example": NAME,
            "http {": "http {" + "".join(f"{one}_temp_path {folder}/{one};" for one in _TEMPORARY),
            **(changed or {}),
        }
        texts = {name: (ROOT / "config" / "nginx" / name).read_text(encoding="utf-8") for name in _FILES}
        for place, ours in places.items():
            assert any(place in text for text in texts.values()), f"{place} is not in config/nginx any more"
            texts = {name: text.replace(place, ours) for name, text in texts.items()}
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
        self.command = [
            program(),
            "-e",
            str(folder / "error.log"),
            "-c",
            str(folder / "nginx.conf"),
            "-g",
            "daemon off;",
        ]
        self.checked = subprocess.run([*self.command, "-t"], capture_output=True, text=True, check=False)
        assert self.checked.returncode == 0, self.checked.stderr
        self.process = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *self.command])
        assert wait_until(self._listens, 20)

    def _listens(self) -> bool:
        with socket.socket() as trial:
            return trial.connect_ex(("127.0.0.1", self.port)) == 0

    def logged(self, base: str | None = None) -> list[dict[str, str]]:
        """The lines of the access log. base: wait until all that was asked there before has been written.

        nginx writes a line after its answer has left; what is asked now is written after that by the same worker, and
        each worker is asked.
        """
        if base is not None:
            for _ in range(len(os.sched_getaffinity(0)) * 4):
                mark = f"/mark-{next(_MARKS)}"
                HTTP.get(f"{base}{mark}", headers={"Connection": "close"})
                assert wait_until(lambda mark=mark: mark in self.log_text(), 20)
        # By LF alone: JSON leaves the other ends of lines of Unicode in its texts.
        lines = (self.folder / "idp.log").read_text(encoding="utf-8").split("\n")
        return [json.loads(line) for line in lines if line]

    def log_text(self) -> str:
        """All that it wrote."""
        return "".join(file.read_text(encoding="utf-8", errors="replace") for file in self.folder.glob("*.log"))

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)
