"""Every module of every plan that is run, one test each: `plan/variant/module`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conformance import expected
from tests.conformance.modules import all_modules
from tests.conformance.plans import PLANS, Entry
from tests.conformance.suite.findings import Failed, Skipped
from tests.conformance.suite.run import Run
from tests.conformance.targets import chosen_plans, target_name

ENTRIES = [entry for chosen in chosen_plans() for entry in chosen.entries()]


@pytest.mark.parametrize("entry", [pytest.param(entry, id=entry.id) for entry in ENTRIES])
def test_module(entry: Entry, new_run: Callable[[Entry], Run], record_property: Callable[[str, object], None]) -> None:
    record_property("plan", f"{entry.plan.name} {entry.label}")
    run = new_run(entry)
    found, text = _outcome(run, entry)
    known = {(e.result, e.condition) for e in expected.OF[target_name()] if e.covers(entry)}
    for result in ("failed", "skipped", "warned"):
        if any(r == result for r, _ in found):
            record_property("result", result)
            break
    else:
        record_property("result", "passed")
    assert found == known, text or "an expected finding did not come: take it off the list"


def _outcome(run: Run, entry: Entry) -> tuple[set[tuple[str, str]], str]:
    """What was found, as (result, condition), and told as text."""
    found: set[tuple[str, str]] = set()
    lines = []
    try:
        entry.module.body(run)
    except Failed as failed:
        found.add(("failed", failed.condition))
        lines.append(f"FAILED {failed}")
    except Skipped as why:
        found.add(("skipped", ""))
        lines.append(f"SKIPPED {why}")
    finally:
        run.close()
    for warning in run.warnings:
        found.add(("warned", warning.condition))
        lines.append(f"WARNING {warning.text}")
    return found, "\n".join(lines)


SIZES = {
    "oidcc-config-certification-test-plan": 1,
    "oidcc-basic-certification-test-plan": 38,
    "oidcc-implicit-certification-test-plan": 58,
    "oidcc-hybrid-certification-test-plan": 102,
    "oidcc-formpost-basic-certification-test-plan": 38,
    "oidcc-formpost-implicit-certification-test-plan": 58,
    "oidcc-formpost-hybrid-certification-test-plan": 102,
    "oidcc-dynamic-certification-test-plan": 23,
    "oidcc-3rdparty-init-login-certification-test-plan": 2,
    "oidcc-rp-initiated-logout-certification-test-plan": 11,
    "oidcc-backchannel-rp-initiated-logout-certification-test-plan": 2,
    "oidcc-frontchannel-rp-initiated-logout-certification-test-plan": 2,
    "oidcc-session-management-certification-test-plan": 2,
    "oidcc-test-plan": 55,
}


def test_plans_have_as_many_modules_as_the_official_ones() -> None:
    assert {name: len(plan.entries) for name, plan in PLANS.items()} == SIZES


def test_every_module_belongs_to_a_plan_and_every_plan_knows_its_modules() -> None:
    assert set(all_modules()) == {name for plan in PLANS.values() for name, _ in plan.entries}
