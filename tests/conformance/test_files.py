"""The files that are shipped for the official suite: read by it as they are, so what it would not know is a mistake.

That their instructions fit our pages needs no test of its own: every module is run with the file of its plan.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conformance.configurations import FOLDER, files
from tests.conformance.plans import EVERY_PLAN, PLANS
from tests.conformance.suite.browser import COMMANDS

FILES = {one.file: one for one in EVERY_PLAN}
CLIENTS = {"client", "client2", "client_secret_post"}
SECTIONS = {"alias", "description", "publish", "server", "browser", "override"} | CLIENTS
SELECTORS = {"id", "name", "xpath", "css", "class"}
EXPECTED = {"expected-failures.json", "expected-warnings.json"}


def _read(name: str) -> dict[str, Any]:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def _blocks(configuration: dict[str, Any]) -> list[dict[str, Any]]:
    overridden = [block for one in configuration.get("override", {}).values() for block in one["browser"]]
    return [*configuration.get("browser", []), *overridden]


def test_every_plan_has_its_file_as_it_would_be_written_now() -> None:
    shipped = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}
    assert {name: text for name, text in shipped.items() if name not in EXPECTED} == files(), "run `make docs`"


@pytest.mark.parametrize("name", FILES)
def test_sections_are_known_and_only_modules_of_the_plan_are_overridden(name: str) -> None:
    configuration = _read(name)
    assert set(configuration) <= SECTIONS
    assert set(configuration.get("override", {})) <= {module for module, _ in PLANS[FILES[name].plan].entries}
    assert all(set(one) == {"browser"} for one in configuration.get("override", {}).values())


@pytest.mark.parametrize("name", FILES)
def test_browser_blocks_are_in_the_official_form(name: str) -> None:
    for block in _blocks(_read(name)):
        assert set(block) <= {"comment", "match", "tasks"}
        assert block["match"].startswith("https://compte.exemple.fr/")
        for task in block["tasks"]:
            assert set(task) <= {"task", "match", "optional", "commands"}
            for command, kind, target, *_ in task.get("commands", []):
                assert command in COMMANDS
                assert kind in SELECTORS
                assert target


@pytest.mark.parametrize("name", FILES)
def test_a_file_brings_its_own_clients_where_they_do_not_register(name: str) -> None:
    static = FILES[name].client_registration == "static_client"
    assert ("client_id" in _read(name)["client"]) == static
    assert ("client_name" in _read(name)["client"]) != static


def test_no_failure_is_expected_by_the_official_runner_and_each_warning_has_its_reason() -> None:
    assert json.loads((FOLDER / "expected-failures.json").read_text()) == []
    warnings = json.loads((FOLDER / "expected-warnings.json").read_text())
    assert {line["expected-result"] for line in warnings} == {"warning"}
    assert {line["condition"].startswith("VerifyScopesReturnedIn") for line in warnings} == {True}
    assert all(line["comment"] for line in warnings)


def test_the_page_for_operators_names_every_plan_with_its_file() -> None:
    page = (FOLDER.parents[1] / "docs" / "conformance.md").read_text(encoding="utf-8")
    assert {one.plan for one in EVERY_PLAN} == set(PLANS)
    assert not [name for name in PLANS if f"`{name}`" not in page]
    assert not [one.expression for one in EVERY_PLAN if f"'{one.expression}' {one.file}" not in page]
