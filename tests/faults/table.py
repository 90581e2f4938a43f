"""The table at the end of a run: each fault, what it is, its invariants, its tests. Hooks for tests/conftest.py."""

from __future__ import annotations

from collections import defaultdict

import pytest

from tests.faults.catalogue import FAULTS, WITHOUT_A_TEST

_WORTH_A_TABLE = 10  # faults: who runs one file wants no table


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "fault(*numbers): this test is these faults of tests/faults/catalogue.py")


def pytest_itemcollected(item: pytest.Item) -> None:
    numbers = {number for mark in item.iter_markers("fault") for number in mark.args}
    item.user_properties.extend(("fault", number) for number in sorted(numbers))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    outcomes: defaultdict[str, list[str]] = defaultdict(list)
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.getreports(outcome):
            if outcome != "passed" or report.when == "call":
                for name, number in getattr(report, "user_properties", ()):  # a file that cannot be collected has none
                    if name == "fault":
                        outcomes[number].append(outcome)
    if len(outcomes) < _WORTH_A_TABLE:
        return
    terminalreporter.section("faults")
    for number, (words, invariants) in FAULTS.items():
        if not outcomes[number]:
            result = WITHOUT_A_TEST.get(number, "not run")
        else:
            bad = [outcome for outcome in outcomes[number] if outcome != "passed"]
            result = f"{len(outcomes[number])} passed" if not bad else f"{len(bad)} of {len(outcomes[number])} {bad[0]}"
        terminalreporter.write_line(f"{number:<4} {words:<72.72} {invariants:<22} {result}")
