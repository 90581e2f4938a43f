"""Every module of every plan that is run, one test each: `plan/variant/module`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conformance import expected
from tests.conformance.modules import all_modules
from tests.conformance.plans import PLANS, Entry
from tests.conformance.suite.findings import Failed, Finding, Skipped
from tests.conformance.suite.run import Run
from tests.conformance.targets import entries_of, target_name


@pytest.mark.parametrize("entry", [pytest.param(entry, id=entry.id) for entry in entries_of(target_name())])
def test_module(entry: Entry, new_run: Callable[[Entry], Run], record_property: Callable[[str, object], None]) -> None:
    record_property("plan", f"{entry.plan.name} {entry.label}")
    findings = _findings(new_run(entry), entry)
    known = [line for line in expected.OF[target_name()] if entry.module.name in line.modules]
    record_property("result", findings[0].result if findings else "passed")
    unexpected = [finding for finding in findings if not any(line.covers(entry, finding) for line in known)]
    assert not unexpected, "\n".join(map(str, unexpected))
    gone = [line for line in known if not any(line.covers(entry, finding) for finding in findings)]
    assert not gone, "expected and not found: take it off the list"


def _findings(run: Run, entry: Entry) -> list[Finding]:
    """What was found, the worst first."""
    found = []
    try:
        entry.module.body(run)
    except Failed as failed:
        found.append(Finding("failed", str(failed)))
    except Skipped as why:
        found.append(Finding("skipped", str(why)))
    finally:
        run.close()
    return [*found, *run.warnings]


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


def test_no_module_of_ours_is_expected_to_fail_or_to_be_skipped() -> None:
    assert not expected.OURS
    assert {line.result for line in expected.UNAVOIDABLE} == {"warned"}


def test_the_peer_fails_nothing_and_what_its_newer_version_has_dropped_its_older_one_passes() -> None:
    assert {line.result for line in expected.PEER} == {"skipped"}
    assert not expected.OF["oidc_provider_6"]
    both = {entry.id for name in ("oidc_provider", "oidc_provider_6") for entry in entries_of(name)}
    assert both == {entry.id for entry in entries_of("ours")}
    dropped = {entry.id for entry in entries_of("oidc_provider") if entry.module.name in expected.DROPPED}
    assert dropped <= {entry.id for entry in entries_of("oidc_provider_6")}
