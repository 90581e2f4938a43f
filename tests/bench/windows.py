"""Measuring: windows of each provider in turn, disturbed ones again, and what is left as one record.

This machine is shared and its processors change their speed, so nothing is compared across runs: ours and the peer have
their windows alternately, and the processor time of an operation, which noise hardly moves, stands beside its rate.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.bench.databases import Database
from tests.bench.machine import Usage
from tests.bench.scenarios import Scenario, Stage
from tests.bench.wire import Lane


@dataclass(frozen=True)
class How:
    """How long and how often. disturbed_over: cores used by others above which a window is repeated, `again` times."""

    seconds: float = 5.0
    warmup: float = 1.0
    repeat: int = 3
    disturbed_over: float = 0.2
    again: int = 3


@dataclass(frozen=True)
class Window:
    """One window. ms: processor time of an operation, by tree; cores: used by each tree, driver and others too."""

    operations: int
    rate: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    ms: dict[str, float]
    cores: dict[str, float]
    errors: dict[str, int]


@dataclass
class Measured:
    """A scenario of a provider. windows: those kept; discarded: how many were disturbed more than these."""

    scenario: str
    title: str
    provider: str
    database: str
    windows: list[Window] = field(default_factory=list)
    discarded: int = 0
    statements: float | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    failed: str | None = None

    def median(self, name: str) -> float:
        return statistics.median(getattr(window, name) for window in self.windows)

    @property
    def milliseconds(self) -> dict[str, float]:
        """Processor time of an operation, by tree: the median of the windows."""
        return {name: statistics.median(window.ms[name] for window in self.windows) for name in self.windows[0].ms}

    @property
    def total_ms(self) -> float:
        """Of provider and database together."""
        return statistics.median(sum(window.ms.values()) for window in self.windows)

    @property
    def others(self) -> float:
        """Cores that others used in the worst of the windows."""
        return max(window.cores["others"] for window in self.windows)

    @property
    def errors(self) -> int:
        return sum(sum(window.errors.values()) for window in self.windows)

    def as_dict(self) -> dict[str, Any]:
        """For the record: the medians and every window."""
        if not self.windows:
            return asdict(self)
        names = ("rate", "p50_ms", "p90_ms", "p99_ms")
        return {
            **asdict(self),
            "median": {
                **{name: round(self.median(name), 3) for name in names},
                "ms": {name: round(value, 4) for name, value in self.milliseconds.items()},
                "total_ms": round(self.total_ms, 4),
                "others_cores": round(self.others, 2),
            },
        }


def measure(
    scenario: Scenario, stages: Sequence[Stage], databases: Sequence[tuple[Database, str]], how: How
) -> list[Measured]:
    """The scenario at each provider, their windows in turn. databases: of each provider, with its database's name."""
    found: list[Measured] = []
    ready: list[tuple[Measured, Stage, list[Lane]]] = []
    for stage, (database, _) in zip(stages, databases, strict=True):
        one = Measured(scenario.name, scenario.title, stage.provider.name, database.name)
        found.append(one)
        try:
            ready.append((one, stage, scenario.lanes(stage)))
        except Exception as error:  # noqa: BLE001 - one scenario that cannot run must not end the others
            one.failed = f"{type(error).__name__}: {error}"[:300]
    for turn in range(how.repeat + how.again):
        for one, stage, lanes in ready:
            quiet = [w for w in one.windows if w.cores["others"] <= how.disturbed_over]
            if turn < how.repeat or len(quiet) < how.repeat:
                one.windows.append(_window(stage, lanes, how))
    for (one, stage, lanes), (database, name) in zip(ready, databases, strict=False):
        kept = sorted(sorted(one.windows, key=lambda w: w.cores["others"])[: how.repeat], key=one.windows.index)
        one.discarded, one.windows = len(one.windows) - len(kept), kept
        one.facts = dict(stage.facts)
        if not sum(window.operations for window in kept):
            one.failed, one.windows = f"no operation ended: {kept[0].errors}", []
        else:
            one.statements = _statements(stage, lanes, database, name)
    return found


def _window(stage: Stage, lanes: Sequence[Lane], how: How) -> Window:
    usage: list[Usage] = []
    tally = stage.driver.run(
        lanes,
        warmup=how.warmup,
        seconds=how.seconds,
        opened=lambda: usage.append(Usage(dict(stage.provider.processes))),
    )
    cores = usage[0].cores()
    stage.driver.drain()
    count, ordered = len(tally.latencies), sorted(tally.latencies)
    trees = [name for name in ("provider", "database") if name in cores]
    return Window(
        operations=count,
        rate=count / how.seconds,
        p50_ms=_rank(ordered, 0.50),
        p90_ms=_rank(ordered, 0.90),
        p99_ms=_rank(ordered, 0.99),
        ms={name: cores[name] * how.seconds * 1000 / max(1, count) for name in trees},
        cores={name: round(value, 3) for name, value in cores.items()},
        errors=dict(tally.errors),
    )


def _statements(stage: Stage, lanes: Sequence[Lane], database: Database, name: str) -> float | None:
    """Statements of an operation: of a known number of operations, since one under way would be counted by half."""
    with database.counting(name) as counted:
        stage.driver.do(lane.operation() for lane in lanes)
    return round(counted[0] / len(lanes), 2) if counted else None


def _rank(ordered: Sequence[float], share: float) -> float:
    """A percentile (nearest rank) of sorted seconds, in milliseconds."""
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000, 3) if ordered else 0.0
