"""A private PostgreSQL cluster for one test run: Debian's server programs, a folder of its own, loopback only.

PostgreSQL refuses to run as root, so as root it is run as an unprivileged user of the machine. Durability is off where
nothing else is said: the cluster is thrown away.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.support.ports import free_port


def installed() -> Path | None:
    """The folder of the newest installed server programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    which = shutil.which("initdb")
    return found[-1].parent if found else Path(which).parent if which else None


THROWN_AWAY = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=200"


class Cluster:
    """Started on construction; `url(name)` makes a database; `stop()` removes everything.

    options: of the server. folder: where to keep it, and where it may be already; it is then stopped and not removed.
    """

    def __init__(self, options: str = THROWN_AWAY, *, folder: Path | None = None) -> None:
        programs = installed()
        assert programs is not None, "PostgreSQL's server programs are not installed"
        self._programs = programs
        self._kept = folder is not None
        self._folder = folder or Path(tempfile.mkdtemp(prefix="idp-postgres-"))
        self._folder.mkdir(parents=True, exist_ok=True)
        self._as = self._unprivileged()
        if self._as is not None:
            os.chown(self._folder, self._as.pw_uid, self._as.pw_gid)
            self._folder.chmod(0o700)
        self._port = free_port()
        data = str(self._folder / "data")
        if not (self._folder / "data").exists():
            self._run("initdb", "-D", data, "-U", "idp", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
        options = f"-p {self._port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= {options}"
        self._run("pg_ctl", "-D", data, "-w", "-t", "600", "-l", str(self._folder / "log"), "-o", options, "start")

    @property
    def process(self) -> int:
        """The id of the server's first process."""
        return int((self._folder / "data" / "postmaster.pid").read_text().splitlines()[0])

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://idp@127.0.0.1:{self._port}/{database}"

    def create(self, database: str) -> str:
        """Make an empty database; returns its address."""
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self._port), "-U", "idp", database)
        return self.url(database)

    def restart(self) -> None:
        """As after a crash: every process of the server is killed, and it recovers from its log."""
        self._run("pg_ctl", "-D", str(self._folder / "data"), "-w", "-t", "600", "-m", "immediate", "restart")

    def stop(self) -> None:
        how = "fast" if self._kept else "immediate"
        self._run("pg_ctl", "-D", str(self._folder / "data"), "-m", how, "-t", "600", "stop", check=False)
        if not self._kept:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str, check: bool = True) -> None:
        user = {} if self._as is None else {"user": self._as.pw_uid, "group": self._as.pw_gid, "extra_groups": []}
        subprocess.run(
            [str(self._programs / program), *arguments],
            check=check,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self._folder,
            **user,
        )

    @staticmethod
    def _unprivileged() -> pwd.struct_passwd | None:
        if os.geteuid() != 0:
            return None
        for name in ("postgres", "nobody"):
            try:
                return pwd.getpwnam(name)
            except KeyError:
                continue
        raise RuntimeError("no unprivileged user to run PostgreSQL as")
