"""A private Valkey or Redis for one test process: Debian's program, a folder of its own, loopback only."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import valkey

from tests.demo.running import wait_until
from tests.support.ports import free_port

PROGRAMS = ("valkey-server", "redis-server")  # whichever the machine's Debian has


def installed() -> str | None:
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


class Server:
    """Started on construction; `stop` and `start` as often as wanted, on the same port. Keeps nothing on disk."""

    def __init__(self, folder: Path) -> None:
        program = installed()
        if program is None:
            if os.environ.get("CI"):
                pytest.fail("no Valkey or Redis is installed: `make system` installs one")
            pytest.skip("no Valkey or Redis is installed")
        self._program = program
        self._folder = folder
        self.port = free_port()
        self.client = valkey.Valkey(port=self.port)
        self.start()

    @property
    def url(self) -> str:
        return f"valkey://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen(
            [self._program, *options, "--dir", str(self._folder)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        assert wait_until(self._answers, 60)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        self.client.close()
        self.stop()

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except valkey.ConnectionError:
            return False
