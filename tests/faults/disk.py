"""A small file system in memory, which can be filled and emptied again."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest


class Disk:
    """Mounted on construction. Raises OSError or CalledProcessError where that is not allowed."""

    def __init__(self, folder: Path, *, megabytes: int) -> None:
        self.folder = folder
        self._filler = folder / "filler"
        options = f"size={megabytes}m,mode=0755"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True, capture_output=True)

    def fill(self) -> None:
        """Until not a byte more goes in."""
        with self._filler.open("ab", buffering=0) as file:
            for piece in (b"\0" * 65536, b"\0" * 512):
                try:
                    while True:
                        file.write(piece)
                except OSError:
                    pass

    def free(self) -> None:
        self._filler.unlink(missing_ok=True)

    def remove(self) -> None:
        subprocess.run(["umount", "--lazy", str(self.folder)], check=True)


def mounted(folder: Path, *, megabytes: int) -> Disk:
    """A disk, or the test is skipped."""
    try:
        return Disk(folder, megabytes=megabytes)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no file system can be mounted here: that takes root")
