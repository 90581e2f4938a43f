"""A failure's page, its log line and its audit event carry one reference."""

from __future__ import annotations

import logging
import re

import pytest
from sqlalchemy import select

from idp import errors
from idp.audit.tables import AuditEvent
from idp.logs import JsonLines
from idp.texts import catalogue
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


def test_who_provokes_failures_does_not_fill_the_audit_trail(world: World) -> None:
    """A hundred of one network are kept in an hour; every one is in the log."""
    person = world.person()
    for _ in range(103):
        person.get("/upgrade/" + "x" * 22, headers={"X-Request-Id": "provoked-by-one"})
        person.get("/nowhere", headers={"X-Request-Id": "provoked-by-one"})

    with world.reading() as db:
        kept = db.scalars(select(AuditEvent.details).where(AuditEvent.request == "provoked-by-one")).all()
    assert [event["code"] for event in kept] == ["FLO-01"] * 100
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
