"""The table at the end of a run: each case, what it is, its tests, and whether they passed. Hooks for tests/conftest.py."""

from __future__ import annotations

import re
from collections import defaultdict

import pytest

from tests.attacks.catalogue import BY_NUMBER, CASES, NOT_OFFERED

_NUMBER = re.compile(r"(?<=_atk_)\d{3}(?!\d)")
_WORTH_A_TABLE = 20  # cases: who runs one file wants no table


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "attack(*cases): this test is these cases of tests/attacks/catalogue.py")


def named_in(text: str) -> set[str]:
    """The cases whose numbers stand in names of tests."""
    return {BY_NUMBER[int(number)] for number in _NUMBER.findall(text)}


def pytest_itemcollected(item: pytest.Item) -> None:
    cases = {case for mark in item.iter_markers("attack") for case in mark.args} | named_in(item.name)
    item.user_properties.extend(("attack", case) for case in sorted(cases))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    outcomes: defaultdict[str, list[str]] = defaultdict(list)
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.getreports(outcome):
            if outcome != "passed" or report.when == "call":
                for name, case in getattr(report, "user_properties", ()):  # a file that cannot be collected has none
                    if name == "attack":
                        outcomes[case].append(outcome)
    if len(outcomes) < _WORTH_A_TABLE:
        return
    terminalreporter.section("attacks")
    for case in sorted({**CASES, **NOT_OFFERED}, key=_order):
        if case in NOT_OFFERED:
            result = "not offered"
        elif not outcomes[case]:
            result = "not run"
        else:
            bad = [outcome for outcome in outcomes[case] if outcome != "passed"]
            result = f"{len(outcomes[case])} passed" if not bad else f"{len(bad)} of {len(outcomes[case])} {bad[0]}"
        number, words = CASES.get(case) or NOT_OFFERED[case]
        terminalreporter.write_line(f"{case:<4} ATK-{number:03} {words:<88.88} {result}")


def _order(case: str) -> tuple[str, int]:
    return case[0], int(case[1:])
