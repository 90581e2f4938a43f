"""The table at the end of a run: each plan, its modules, and how they ended."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

COLUMNS = ("passed", "warned", "skipped", "failed")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    plans: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for reports in terminalreporter.stats.values():
        for report in reports:
            properties = dict(getattr(report, "user_properties", ()))
            if "plan" in properties and getattr(report, "when", "") == "call":
                plans[properties["plan"]][properties.get("result", "failed")] += 1
    if not plans:
        return
    width = max(map(len, plans))
    terminalreporter.section("conformance plans")
    terminalreporter.write_line(f"{'plan':{width}}  modules " + " ".join(f"{name:>8}" for name in COLUMNS))
    for name, counted in sorted(plans.items()):
        cells = " ".join(f"{counted[column]:>8}" for column in COLUMNS)
        terminalreporter.write_line(f"{name:{width}}  {counted.total():>7} {cells}")
