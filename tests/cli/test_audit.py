"""Finding what was done."""

from __future__ import annotations

from contextvars import copy_context

from idp import correlation
from idp.audit import store
from idp.cli.context import light_deps
from idp.settings import load
from tests.cli.terminal import Terminal


def test_events_are_found_by_reference_subject_and_address_typed(idp: Terminal) -> None:
    deps = light_deps(load())

    def refused(reference: str, **event: str) -> None:
        correlation.begin(reference, deps.new_id)
        with idp.transaction() as db:
            store.record(db, deps, "login.refused", **event)

    copy_context().run(refused, "reference-of-a-page", subject="a-subject", address="lea@exemple.org")
    copy_context().run(refused, "reference-of-another", address="paul@exemple.org")

    for what in ("reference-of-a-page", "a-subject", "lea@exemple.org", " Lea@EXEMPLE.org"):
        found = idp.ok("audit", "search", what)
        assert [event["subject"] for event in found] == ["a-subject"], what
        assert found[0]["request"] == "reference-of-a-page"
    assert "lea@" not in str(found), "an address is only kept as a digest"


def test_what_is_not_found_is_said_with_where_else_to_look(idp: Terminal) -> None:
    answer = idp.run("audit", "search", "no-such-reference")

    assert (answer.code, answer.data) == (0, [])
    assert "log" in answer.err
