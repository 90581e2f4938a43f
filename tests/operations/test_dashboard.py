"""Alert rules and dashboard ask only for metrics and label values that exist, and every alert says what to do."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from idp import exporter, metrics
from idp.errors import catalogue
from idp.merge.flow import State as MergeState
from idp.metric_files import MetricFiles
from idp.oidc.registration.metadata import GRANT_TYPES
from idp.reset.flow import State as ResetState
from idp.settings import ROOT, Settings
from idp.shared import Shared
from idp.upgrade.flow import State as UpgradeState
from tests.support.ports import free_port
from tests.support.world import World

RULES = yaml.safe_load((ROOT / "config/prometheus/alerts.yml").read_text(encoding="utf-8"))
BOARD = json.loads((ROOT / "config/grafana/dashboard.json").read_text(encoding="utf-8"))
ALERTS = [rule for group in RULES["groups"] for rule in group["rules"]]
PANELS = {panel["title"]: [target["expr"] for target in panel["targets"]] for panel in BOARD["panels"]}
EXPRESSIONS = [rule["expr"] for rule in ALERTS] + [one for expressions in PANELS.values() for one in expressions]
LABELS = {
    "outcome": {"succeeded", "issued", "invalid_client", "invalid_grant"}
    | {metrics.outcome_of(error) for error in catalogue()},
    "state": {*UpgradeState, *MergeState, *ResetState, "queued", "refused"},
    "flow": {"upgrade", "merge", "reset"},
    "status": {f"{digit}xx" for digit in range(1, 6)},
    "route": {"/oauth/token"},
    "job": {"idp"},
    "event": {"token.reused"},
    "grant_type": set(GRANT_TYPES),
}


@pytest.fixture(scope="module")
def known() -> dict[str, set[str]]:
    """Every sample name with its labels."""
    found: dict[str, set[str]] = {"up": {"job", "instance"}}
    for collector in metrics.Meters(MetricFiles(None)).registry._collector_to_names:
        labels = set(getattr(collector, "_labelnames", ()))
        for name in metrics_names(collector):
            found[name] = labels | {"le"} if name.endswith("_bucket") else labels
    return found


def metrics_names(collector: Any) -> list[str]:
    return [
        family.name + ending
        for family in collector.describe()
        for ending in ("", "_total", "_bucket", "_sum", "_count")
    ]


@pytest.fixture
def stored(world: World) -> dict[str, set[str]]:
    """What the database and the shared memory are asked for, with labels."""
    away = Settings(redis_url=SecretStr(f"valkey://127.0.0.1:{free_port()}/0"))
    deps = replace(world.deps, shared=Shared(away))
    return {sample.name: set(sample.labels) for family in exporter.Stored(deps).collect() for sample in family.samples}


def test_every_metric_that_is_asked_for_exists(known: dict[str, set[str]], stored: dict[str, set[str]]) -> None:
    every = known | stored
    for expression in EXPRESSIONS:
        names = set(re.findall(r"\b(?:idp_\w+|up)\b", expression))
        assert names
        assert names <= set(every), expression


def test_every_metric_of_ours_is_looked_at(known: dict[str, set[str]], stored: dict[str, set[str]]) -> None:
    """What nobody looks at need not be counted."""
    asked = {name for expression in EXPRESSIONS for name in re.findall(r"\bidp_\w+", expression)}
    families = {re.sub(r"_(?:total|bucket|sum|count|created)$", "", name) for name in (*known, *stored)} - {"up"}
    assert [name for name in sorted(families) if not any(one.startswith(name) for one in asked)] == []


def test_every_label_that_is_asked_for_exists(known: dict[str, set[str]], stored: dict[str, set[str]]) -> None:
    every = known | stored
    for expression in EXPRESSIONS:
        for name, selector in re.findall(r"\b(idp_\w+|up)\{([^}]*)\}", expression):
            for label, value in re.findall(r'(\w+)!?="([^"]*)"', selector):
                assert label in every[name], expression
                assert value in LABELS[label], expression
        grouped = {label for by in re.findall(r"by \(([^)]*)\)", expression) for label in re.split(r",\s*", by)}
        names = re.findall(r"\b(?:idp_\w+|up)\b", expression)
        assert grouped - {"instance"} <= set().union(*(every[name] for name in names)), expression


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_is_whole(expression: str) -> None:
    for opening, closing in ("()", "{}", "[]"):
        assert expression.count(opening) == expression.count(closing)
    assert expression.count('"') % 2 == 0
    for counter in re.findall(r"idp_\w+_total", expression):
        assert re.search(rf"(?:rate|increase)\({counter}", expression), "a counter by itself says nothing"


@pytest.mark.parametrize("rule", ALERTS, ids=[rule["alert"] for rule in ALERTS])
def test_an_alert_says_how_bad_it_is_and_what_to_do(rule: dict[str, Any]) -> None:
    assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"\d+[mh]", rule["for"])
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert set(rule["annotations"]) == {"summary", "action"}
    assert len(rule["annotations"]["action"]) > 40


def test_alerts_and_panels_have_names_of_their_own() -> None:
    names = [rule["alert"] for rule in ALERTS]
    assert len(set(names)) == len(names)
    assert len(PANELS) == len(BOARD["panels"])


def test_panels_do_not_cover_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells


def test_the_operators_guide_names_every_alert() -> None:
    guide = (ROOT / "docs/operating.md").read_text(encoding="utf-8")
    assert [rule["alert"] for rule in ALERTS if f"`{rule['alert']}`" not in guide] == []
