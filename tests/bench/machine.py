"""What processes use of this machine, from /proc: processor time and memory of whole trees, and what others take."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Memory:
    """Of a tree of processes, in MB: resident pages counted in each process, and shared pages counted once (PSS)."""

    resident: float
    proportional: float
    processes: int


def _fields(pid: int) -> list[str] | None:
    """/proc/PID/stat after the name of the program: state, parent, …; None when the process is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return text[text.rindex(")") + 2 :].split()


def tree(root: int) -> list[int]:
    """A process and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):  # noqa: PTH208 - a Path for each process of the machine, for nothing
        if entry.isdigit() and (found := _fields(int(entry))) is not None:
            children.setdefault(int(found[1]), []).append(int(entry))
    pids = [root]
    for pid in pids:
        pids += children.get(pid, [])
    return pids


def processor_seconds(pids: Iterable[int]) -> dict[int, float]:
    """User and system time of each process so far."""
    return {pid: (int(found[11]) + int(found[12])) / _TICK for pid in pids if (found := _fields(pid)) is not None}


def ended_seconds(pid: int) -> float:
    """User and system time of a process's children that have ended, such as the server's side of closed connections."""
    found = _fields(pid)
    return 0.0 if found is None else (int(found[13]) + int(found[14])) / _TICK


def memory(root: int) -> Memory:
    """Of a process and its descendants now."""
    resident = proportional = count = 0
    for pid in tree(root):
        found = _fields(pid)
        if found is None:
            continue
        count += 1
        resident += int(found[21]) * _PAGE
        try:
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    proportional += int(line.split()[1]) * 1024
        except OSError:
            continue
    return Memory(round(resident / 2**20, 1), round(proportional / 2**20, 1), count)


def _busy() -> float:
    """Seconds that all cores together have worked, what the host took from them included."""
    line = Path("/proc/stat").read_text().splitlines()[0]
    user, nice, system, _idle, _wait, irq, softirq, steal = (int(value) / _TICK for value in line.split()[1:9])
    return user + nice + system + irq + softirq + steal


class Usage:
    """Cores used by trees of processes, by this one, and by everything else, from the construction until `cores`."""

    def __init__(self, roots: dict[str, int]) -> None:
        self._roots = {**roots, "driver": os.getpid()}
        self._before = {name: processor_seconds(self._pids(name)) for name in self._roots}
        self._busy = _busy()
        self._began = perf_counter()

    def cores(self) -> dict[str, float]:
        """By name of the tree; `others` is what belongs to none of them."""
        elapsed = perf_counter() - self._began
        busy = _busy() - self._busy
        used = {
            name: sum(seconds - self._before[name].get(pid, 0.0) for pid, seconds in self._now(name).items())
            for name in self._roots
        }
        return {
            **{name: seconds / elapsed for name, seconds in used.items()},
            "others": max(0.0, (busy - sum(used.values())) / elapsed),
        }

    def _now(self, name: str) -> dict[int, float]:
        return processor_seconds(self._pids(name))

    def _pids(self, name: str) -> list[int]:
        # What this process has started is measured under its own name.
        return [os.getpid()] if name == "driver" else tree(self._roots[name])
