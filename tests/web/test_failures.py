"""A failure's page, its log line and its audit event carry one reference."""

from __future__ import annotations

import logging
import re
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import select

from idp import correlation, errors
from idp.audit.tables import AuditEvent
from idp.logs import JsonLines
from idp.texts import catalogue
from idp.web import errors as web_errors
from tests.support.acts import show_letter
from tests.support.world import World


def test_the_reference_of_a_page_is_in_the_log_and_in_the_audit_trail(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    lines: list[str] = []
    handler = logging.Handler()
    handler.setFormatter(JsonLines())
    handler.emit = lambda record: lines.append(handler.format(record))  # type: ignore[method-assign]
    log = logging.getLogger("idp.errors")
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        page = show_letter(world.person(), world.letter(expires_at=world.clock()))
    finally:
        log.removeHandler(handler)

    told = re.search(r"UPG-05\s*,\s*référence\s+([\w.-]+)", page.text)
    assert told is not None
    assert page.response.headers["x-request-id"] == told[1]
    assert any(f'"request": "{told[1]}"' in line and "UPG-05" in line for line in lines)
    with world.reading() as db:
        event = db.scalars(
            select(AuditEvent).where(AuditEvent.request == told[1], AuditEvent.name == "failure.shown")
        ).one()
    assert event.details["code"] == "UPG-05"


def test_a_proxys_reference_is_kept_when_it_is_one(world: World) -> None:
    person = world.person()

    known = person.get("/upgrade/" + "x" * 22, headers={"X-Request-Id": "proxy-0042"})
    forged = person.get("/upgrade/" + "x" * 22, headers={"X-Request-Id": "a b<script>"})

    assert known.headers["x-request-id"] == "proxy-0042"
    assert "proxy-0042" in known.text
    assert re.fullmatch(r"[0-9a-f-]{12}", forged.headers["x-request-id"])


BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def kept(world: World, reference: str) -> list[str]:
    """The numbers of the failures that the audit trail has under a reference."""
    with world.reading() as db:
        found = db.scalars(select(AuditEvent.details).where(AuditEvent.request == reference)).all()
    return [event["code"] for event in found]


def cause(world: World, method: str, path: str, *, network: str = "127.0.0.1", **given: Any) -> str:
    """The reference on the page that a browser of some network gets."""
    headers = {**BROWSER, **given.pop("headers", {})}
    client = world.server.app.test_client()
    answer = client.open(path, method=method, headers=headers, environ_base={"REMOTE_ADDR": network}, **given)
    told = re.search(r"référence[^\w]*<[^>]*>([\w.-]+)<", answer.text)
    assert told is not None, answer.text
    return told[1]


@pytest.mark.parametrize(
    ("code", "method", "path", "given"),
    [
        ("GEN-02", "GET", "/nowhere", {}),
        ("GEN-03", "POST", "/help", {}),
        ("GEN-04", "POST", "/login", {"data": {"identifier": "x" * 70_000}}),
        ("GEN-05", "POST", "/login", {"data": b"{}", "headers": {"Content-Type": "application/json"}}),
    ],
)
def test_what_a_browser_causes_has_its_reference_in_the_audit_trail_too(
    world: World, code: str, method: str, path: str, given: dict[str, Any]
) -> None:
    world.forget_attempts()

    assert kept(world, cause(world, method, path, **given)) == [code]


def test_a_rush_has_its_references_in_the_audit_trail_too(world: World) -> None:
    world.forget_attempts()
    app = world.server.app
    correlation.begin("in-the-rush", world.deps.new_id)
    with app.test_request_context("/login", base_url=world.base, headers=BROWSER):
        app.handle_user_exception(errors.Overloaded(retry_after_seconds=5))

    assert kept(world, "in-the-rush") == ["GEN-07"]


def test_a_program_that_looks_for_pages_leaves_nothing_in_the_audit_trail(world: World) -> None:
    """Nor does a browser that looks for the icon of a page: nobody reads that page's reference."""
    world.forget_attempts()
    for accepted in ("*/*", "image/avif,image/webp,*/*;q=0.8"):
        headers = {"Accept": accepted, "X-Request-Id": "nobody-reads-it"}
        world.server.app.test_client().get("/apple-touch-icon.png", headers=headers)

    assert kept(world, "nobody-reads-it") == []


def test_who_provokes_failures_does_not_fill_the_audit_trail(world: World) -> None:
    """In an hour a hundred of one network are kept, and twenty of what programs cause; every one is in the log."""
    world.forget_attempts()
    person = world.person(headers={**BROWSER, "X-Request-Id": "provoked-by-one"})
    for _ in range(103):
        person.get("/upgrade/" + "x" * 22)
    for _ in range(23):
        person.get("/nowhere")

    assert Counter(kept(world, "provoked-by-one")) == {"FLO-01": 100, "GEN-02": 20}
    world.clock.advance(hours=1, seconds=1)
    person.get("/nowhere")
    assert Counter(kept(world, "provoked-by-one")) == {"FLO-01": 100, "GEN-02": 21}
    world.clock.advance(hours=-1, seconds=-1)
    world.forget_attempts()


def test_a_flood_from_everywhere_is_bounded_too_and_then_writes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_errors, "CAUSED_BY_ALL", 12)
    world.forget_attempts()
    seen = [cause(world, "GET", "/nowhere", network=f"198.51.100.{host}") for host in range(15)]

    assert sum(len(kept(world, reference)) for reference in seen) == 12
    with world.statements() as statements:
        cause(world, "GET", "/nowhere", network="198.51.100.200")
    assert not [one for one in statements if not one.startswith("SELECT")], statements
    # What a person met is not lost in it.
    assert kept(world, cause(world, "GET", "/upgrade/" + "x" * 22, network="198.51.100.200")) == ["FLO-01"]
    world.forget_attempts()


@pytest.mark.parametrize("error", list(errors.catalogue()), ids=lambda error: error.code)
def test_every_failure_has_its_own_number_a_cause_words_and_a_way_on(error: type[errors.IdpError]) -> None:
    assert [other.code for other in errors.catalogue()].count(error.code) == 1
    assert (error.__doc__ or "").strip() != (error.__mro__[1].__doc__ or "").strip()
    for language in ("fr", "en"):
        assert error.text in catalogue(language)
    if error.channel is errors.Channel.PAGE:
        # What is always there, whatever the agency and the portal: a failure must not depend on one of them.
        always = {errors.Way.SIGN_IN, errors.Way.LETTER, errors.Way.RESET, errors.Way.CODES, errors.Way.RETRY}
        assert always & set(error.ways) or errors.Way.CALL in error.ways
