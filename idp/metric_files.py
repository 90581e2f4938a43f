"""Room for the files that this process counts in, taken from the file system before the library writes there.

prometheus_client maps files with holes (`mmap_dict.py`, 0.26), and a full file system has no block for a hole that is written
to: the kernel ends the process with SIGBUS, and the worker that takes its place too. So blocks are taken first, in the
steps in which the library lets a file grow, and what finds no room is not counted.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

SHARED = "PROMETHEUS_MULTIPROC_DIR"
_FIRST = 1 << 16  # the library's first size, which it doubles
_MOST_AT_ONCE = 8192  # bytes of one set of labels: a histogram's dozen of series, each with its text
_KINDS = ("counter", "histogram", "gauge_livesum")
_USED = struct.Struct("i")  # how a file begins


class MetricFiles:
    """The files of this process in a folder; None: it counts in its memory, where there is room."""

    def __init__(self, folder: Path | None) -> None:
        files = [] if folder is None else [folder / f"{kind}_{os.getpid()}.db" for kind in _KINDS]
        self._taken = dict.fromkeys(files, 0)

    @staticmethod
    def of_environment() -> MetricFiles:
        """Of the folder that workers share. Not every system can take blocks; this service's does."""
        folder = os.environ.get(SHARED)
        return MetricFiles(Path(folder) if folder and hasattr(os, "posix_fallocate") else None)

    def have_room(self) -> bool:
        """Whether one more set of labels fits into each."""
        try:
            for file in self._taken:
                self._take(file)
        except OSError:
            return False
        return True

    def _take(self, file: Path) -> None:
        """Raises OSError when there is no room."""
        with file.open("a+b") as opened:
            opened.seek(0)
            begin = opened.read(_USED.size)
            used: int = _USED.unpack(begin)[0] if len(begin) == _USED.size else 0
            wanted = _FIRST
            while wanted < used + _MOST_AT_ONCE:
                wanted *= 2
            taken = self._taken[file]
            if wanted > taken:
                os.posix_fallocate(opened.fileno(), taken, wanted - taken)
                self._taken[file] = wanted
