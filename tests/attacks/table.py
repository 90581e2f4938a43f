"""The table at the end of a run: each case, what it is, its tests, and whether they passed. Hooks for tests/conftest.py."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict

import pytest

from tests.attacks.catalogue import BEHIND_NGINX, BY_NUMBER, CASES, NOT_OFFERED

_NUMBER = re.compile(r"(?<=_atk_)\d{3}(?!\d)")
NGINX = "nginx"
DATABASES = ("sqlite", "postgresql")
_WORTH_A_TABLE = 20  # cases: who runs one file wants no table


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "attack(*cases): this test is these cases of tests/attacks/catalogue.py")
    config.addinivalue_line("markers", "inside(why): this attack looks inside the process of the provider")


def targets(test: pytest.Item) -> list[str]:
    """Where a test of the provider runs: on both databases, against the deployed service, or all three."""
    cases = cases_of(test)
    if not cases or next(test.iter_markers("inside"), None) is not None:
        return [*DATABASES]
    if os.environ.get("ATTACKS_TARGET") == NGINX:
        return [NGINX]
    return [*DATABASES, NGINX] if cases & BEHIND_NGINX else [*DATABASES]


def cases_of(test: pytest.Item) -> set[str]:
    return {case for mark in test.iter_markers("attack") for case in mark.args} | named_in(test.name)


def named_in(text: str) -> set[str]:
    """The cases whose numbers stand in names of tests."""
    return {BY_NUMBER[int(number)] for number in _NUMBER.findall(text)}


def pytest_itemcollected(item: pytest.Item) -> None:
    item.user_properties.extend(("attack", case) for case in sorted(cases_of(item)))
    parameters = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    behind = parameters.get("installation") == NGINX or "front" in getattr(item, "fixturenames", ())
    item.user_properties.append(("where", NGINX if behind else "inside"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    outcomes: defaultdict[str, list[str]] = defaultdict(list)
    behind: Counter[str] = Counter()
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.getreports(outcome):
            if outcome != "passed" or report.when == "call":
                properties = getattr(report, "user_properties", ())  # a file that cannot be collected has none
                for case in (value for name, value in properties if name == "attack"):
                    outcomes[case].append(outcome)
                    behind[case] += ("where", NGINX) in properties
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
        result += f", {behind[case]} behind nginx" if behind[case] else ""
        number, words = CASES.get(case) or NOT_OFFERED[case]
        terminalreporter.write_line(f"{case:<4} ATK-{number:03} {words:<70.70} {result}")


def _order(case: str) -> tuple[str, int]:
    return case[0], int(case[1:])
