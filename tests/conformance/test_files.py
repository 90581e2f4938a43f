"""The files that are shipped for the official suite: read by it as they are, so what it would not know is a mistake.

That their instructions fit our pages needs no test of its own: every module is run with them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.modules import all_modules
from tests.conformance.plans import EVERY_PLAN, PLANS
from tests.conformance.suite.browser import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "config" / "conformance").glob("*.json"))
CLIENTS = {"client", "client2", "client_secret_post"}
SECTIONS = {"alias", "description", "publish", "server", "browser", "override"} | CLIENTS
SELECTORS = {"id", "name", "xpath", "css", "class"}


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def _blocks(configuration: dict[str, Any]) -> list[dict[str, Any]]:
    overridden = [block for one in configuration["override"].values() for block in one["browser"]]
    return [*configuration["browser"], *overridden]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_sections_and_overridden_modules_are_known(path: Path) -> None:
    configuration = _read(path)
    assert set(configuration) <= SECTIONS
    assert set(configuration["override"]) <= set(all_modules())
    assert all(set(one) == {"browser"} for one in configuration["override"].values())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_browser_blocks_are_in_the_official_form(path: Path) -> None:
    for block in _blocks(_read(path)):
        assert set(block) <= {"comment", "match", "tasks"}
        assert block["match"].startswith("https://compte.exemple.fr/")
        for task in block["tasks"]:
            assert set(task) <= {"task", "match", "optional", "commands"}
            for command, kind, target, *_ in task.get("commands", []):
                assert command in COMMANDS
                assert kind in SELECTORS
                assert target


def test_the_two_files_differ_in_the_clients_only() -> None:
    static, dynamic = _read(FILES[1]), _read(FILES[0])
    assert [path.name for path in FILES] == ["dynamic-client.json", "static-client.json"]
    for section in SECTIONS - CLIENTS - {"description"}:
        assert static[section] == dynamic[section], section


def test_the_page_for_operators_names_every_plan_that_is_run() -> None:
    page = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
    assert {one.plan for one in EVERY_PLAN} == set(PLANS)
    assert not [name for name in PLANS if f"`{name}`" not in page]
