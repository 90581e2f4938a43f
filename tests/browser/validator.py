"""The HTML of pages, checked by html-validate: a real validator, at the version and digests of html/package-lock.json."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "html"


class Validator:
    """Call it with a page; it answers what is wrong."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def __call__(self, name: str, html: str) -> list[str]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"name": name, "html": html}) + "\n")
        self._process.stdin.flush()
        return list(json.loads(self._process.stdout.readline()))


@contextmanager
def started() -> Iterator[Validator]:
    """A validator that serves until the end of the block. Skips where npm is missing, except where CI is set."""
    if shutil.which("npm") is None:
        if os.environ.get("CI"):
            pytest.fail("npm is not installed")
        pytest.skip("npm is not installed")
    _install()
    command = ["node", "check.mjs"]
    with subprocess.Popen(command, cwd=FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Validator(process)  # leaving the block closes its input, at which it ends


def _install() -> None:
    """Once, whichever test process comes first; again when the lock file changed."""
    with (FOLDER / ".lock").open("w") as lock:
        flock(lock, LOCK_EX)
        installed = FOLDER / "node_modules" / ".package-lock.json"
        if not installed.exists() or installed.stat().st_mtime < (FOLDER / "package-lock.json").stat().st_mtime:
            subprocess.run(["npm", "ci", "--silent"], cwd=FOLDER, check=True, stdout=subprocess.DEVNULL)
            installed.touch()
