"""`idp demo` as a process of its own, in a folder of its own, on ports of its own."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from idp.demo.places import PORTS

START_SECONDS = 60


class RunningDemo:
    """told: the first line of stdout. process: to look at and to kill."""

    def __init__(self, folder: Path, *options: str, port_base: int | None = None, **environ: str) -> None:
        self.folder = folder
        self.port_base = port_base or free_ports()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "idp", "demo", "--port-base", str(self.port_base), "--output", "json", *options],
            cwd=folder,
            env=os.environ | environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def started(self) -> RunningDemo:
        """Wait for the first line; fails with what the process said instead."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"the demonstration did not start: {self.ended()}")
        self.told: dict[str, Any] = json.loads(line)
        return self

    def ended(self) -> tuple[int, str, str]:
        """Wait for its end: exit code, what is left of stdout, stderr."""
        out, err = self.process.communicate(timeout=START_SECONDS)
        return self.process.returncode, out, err

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str, str]:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.ended()

    @property
    def children(self) -> list[int]:
        """Process ids of what it started, and of what these started."""
        found, todo = [], [self.process.pid]
        while todo:
            told = Path(f"/proc/{todo.pop()}/task")
            for task in told.glob("*/children") if told.exists() else ():
                children = [int(pid) for pid in task.read_text().split()]
                found += children
                todo += children
        return found

    def portal(self, client: str, societe: str) -> str:
        return next(p["url"] for p in self.told["portals"] if (p["client"], p["societe"]) == (client, societe))

    def letter(self, identifier: str) -> dict[str, Any]:
        return next(one for one in self.told["letters"] if one["provisional_identifier"] == identifier)


def free_ports() -> int:
    """The first of as many free neighbouring ports as a demonstration needs."""
    for _ in range(200):
        base = random.randrange(20_000, 32_000, 10)
        if all(port_is_free(port) for port in range(base, base + PORTS)):
            return base
    raise AssertionError("no free ports")


def port_is_free(port: int) -> bool:
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def wait_until(true: Any, seconds: float = 30) -> bool:
    """Whether something becomes true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.05)
    return False
