"""The table at the end of a run: each case, what it is, its tests, whether they passed, and where. Hooks for tests/conftest.py.

A run against the deployed service fails for a case that neither went through nginx nor has a reason in the catalogue.
"""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict

import pytest

from tests.attacks.catalogue import BEHIND_NGINX, BY_NUMBER, CASES, INSIDE, NOT_OFFERED

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
    if not cases or _looks_inside(test):
        return [*DATABASES]
    if _against_nginx():
        return [NGINX]
    return [*DATABASES, NGINX] if cases & BEHIND_NGINX else [*DATABASES]


def cases_of(test: pytest.Item) -> set[str]:
    return {case for mark in test.iter_markers("attack") for case in mark.args} | named_in(test.name)


def named_in(text: str) -> set[str]:
    """The cases whose numbers stand in names of tests."""
    return {BY_NUMBER[int(number)] for number in _NUMBER.findall(text)}


def pytest_itemcollected(item: pytest.Item) -> None:
    cases = cases_of(item)
    if named_in(item.name):
        item.add_marker(pytest.mark.attack(*sorted(cases)))  # chosen by `-m attack` like those that say it themselves
    item.user_properties.extend(("attack", case) for case in sorted(cases))
    parameters = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    behind = NGINX in map(str, parameters.values()) or "front" in getattr(item, "fixturenames", ())
    item.user_properties.append(("where", NGINX if behind and not _looks_inside(item) else "inside"))


def _looks_inside(test: pytest.Item) -> bool:
    return next(test.iter_markers("inside"), None) is not None


def _against_nginx() -> bool:
    return os.environ.get("ATTACKS_TARGET") == NGINX


def _told(reporter: pytest.TerminalReporter) -> tuple[dict[str, list[str]], Counter[str]]:
    """The outcomes of each case's tests, and how many of them went through nginx."""
    outcomes: defaultdict[str, list[str]] = defaultdict(list)
    behind: Counter[str] = Counter()
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in reporter.getreports(outcome):
            if outcome != "passed" or report.when == "call":
                properties = getattr(report, "user_properties", ())  # a file that cannot be collected has none
                for case in (value for name, value in properties if name == "attack"):
                    outcomes[case].append(outcome)
                    behind[case] += ("where", NGINX) in properties
    return outcomes, behind


def passed_over(reporter: pytest.TerminalReporter) -> list[str]:
    """The cases that a whole run against the deployed service neither sent through nginx nor has a reason for."""
    outcomes, behind = _told(reporter)
    if not _against_nginx() or len(outcomes) < len(CASES) // 2:
        return []
    return sorted(set(CASES) - set(INSIDE) - {case for case, count in behind.items() if count}, key=_order)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A case that was passed over is a failed run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and passed_over(reporter) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    outcomes, behind = _told(terminalreporter)
    if len(outcomes) < _WORTH_A_TABLE:
        return
    terminalreporter.section("attacks")
    for case in sorted({**CASES, **NOT_OFFERED}, key=_order):
        if case in NOT_OFFERED:
            result = "not offered"
        elif not outcomes.get(case):
            result = "not run"
        else:
            bad = [outcome for outcome in outcomes[case] if outcome != "passed"]
            result = f"{len(outcomes[case])} passed" if not bad else f"{len(bad)} of {len(outcomes[case])} {bad[0]}"
        result += f", {behind[case]} behind nginx" if behind[case] else ""
        result += f"; not through nginx: {INSIDE[case]}" if case in INSIDE else ""
        number, words = CASES.get(case) or NOT_OFFERED[case]
        result += f": {words}" if case in NOT_OFFERED else ""
        terminalreporter.write_line(f"{case:<4} ATK-{number:03} {CASES.get(case, (0, ''))[1]:<70.70} {result}")
    for case in passed_over(terminalreporter):
        terminalreporter.write_line(f"{case}: NOT SENT THROUGH NGINX, and the catalogue gives no reason", red=True)


def _order(case: str) -> tuple[str, int]:
    return case[0], int(case[1:])
