"""What a run leaves: everything as JSON, and the table that docs/performance.md is written from."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from idp.settings import ROOT
from tests.bench.scenarios import SCENARIOS
from tests.bench.windows import Measured

_HEADINGS = ("scenario", "provider", "database", "ops/s", "p50", "p90", "p99 ms", "CPU ms/op", "of it database")
_MORE = ("statements", "others", "errors")


def conditions() -> dict[str, Any]:
    """Where and of what a run was taken."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit.stdout.strip(),
        "cores": os.cpu_count(),
        "processor": model,
        "python": platform.python_version(),
    }


def table(measured: Iterable[Measured]) -> str:
    """As Markdown, ours and the peer's one below the other."""
    lines = [_row([*_HEADINGS, *_MORE]), _row(["---"] * (len(_HEADINGS) + len(_MORE)))]
    for one in measured:
        if one.failed is not None:
            lines.append(_row([one.title, one.provider, one.database, f"failed: {one.failed}"] + [""] * 8))
            continue
        lines.append(
            _row(
                [
                    one.title,
                    one.provider,
                    one.database,
                    _plain(one.median("rate")),
                    _plain(one.median("p50_ms")),
                    _plain(one.median("p90_ms")),
                    _plain(one.median("p99_ms")),
                    f"{one.total_ms:.3f}",
                    f"{one.milliseconds.get('database', 0.0):.3f}",
                    "" if one.statements is None else _plain(one.statements),
                    f"{one.others:.2f}",
                    str(one.errors),
                ]
            )
        )
    return "\n".join(lines)


def ratios(measured: Sequence[Measured]) -> str:
    """Ours against the peer in the same run, with the goals."""
    lines = [
        _row(["scenario", "rate: times the peer's", "goal", "CPU ms/op: of the peer's", "ours", "goal"]),
        _row(["---"] * 6),
    ]
    by = {(one.scenario, one.provider): one for one in measured if one.failed is None and one.database == "postgresql"}
    for name, scenario in SCENARIOS.items():
        ours, theirs = by.get((name, "idp")), by.get((name, "oidc-provider"))
        if ours is None or theirs is None:
            continue
        rate, limit = scenario.goal or (None, None)
        lines.append(
            _row(
                [
                    scenario.title,
                    f"{ours.median('rate') / theirs.median('rate'):.2f}",
                    "" if rate is None else f">= {rate}",
                    f"{ours.total_ms / theirs.total_ms:.2f}",
                    f"{ours.total_ms:.2f}",
                    "" if limit is None else f"<= {limit}",
                ]
            )
        )
    return "\n".join(lines)


def write(folder: Path, name: str, measured: Sequence[Measured], more: Mapping[str, Any]) -> None:
    """`NAME.json` and `NAME.md`."""
    folder.mkdir(parents=True, exist_ok=True)
    record = {**conditions(), **more, "scenarios": [one.as_dict() for one in measured]}
    (folder / f"{name}.json").write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    parts = [table(measured), ratios(measured), *(f"{key}: {value}" for key, value in {**conditions(), **more}.items())]
    (folder / f"{name}.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _plain(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
