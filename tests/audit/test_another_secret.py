"""After another master secret: the trail of before is closed, kept and purged in time, and what is written since is proven."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update

from idp import purge
from idp.audit.chain import steps as chain
from idp.audit.tables import AuditEvent, AuditLink
from idp.cli.context import light_deps
from idp.settings import load
from tests.audit.test_chain import Trail, opened
from tests.cli.terminal import Terminal
from tests.support.world import Clock

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
OTHER = "another-master-secret-of-fifty-characters-and-more-"


class Renewed(Trail):
    """Three events of the old secret, one of them not chained; from now on there is another one. head: noted before."""

    head: str


@pytest.fixture
def renewed(idp: Terminal, monkeypatch: pytest.MonkeyPatch) -> Iterator[Renewed]:
    clock = Clock()
    with _trail(clock) as old:
        old.write(2)
        head = idp.ok("audit", "verify")["head"]
        old.write(1)
    monkeypatch.setenv("IDP_SECRET_KEY", OTHER)
    with _trail(clock) as new:
        new.head = head
        yield new


@contextmanager
def _trail(clock: Clock) -> Iterator[Renewed]:
    settings = load()
    with opened(settings):
        yield Renewed(replace(light_deps(settings), now=clock), clock)


def close(idp: Terminal, *arguments: str) -> Any:
    return idp.run("audit", "close", "--yes", *arguments)


def test_a_trail_of_another_secret_is_red_until_it_is_closed(renewed: Renewed, idp: Terminal) -> None:
    """It stayed red until the last old event had aged out: a year in which nobody would have seen a forged one."""
    renewed.write(1)
    assert idp.run("audit", "verify").code == 1

    closed = close(idp, "--expect", renewed.head).data["closed"]

    assert closed.startswith("3:")
    found = idp.ok("audit", "verify")
    assert (found["events"], found["unproven"], found["broken"]) == (2, 3, None)
    with idp.reading() as db:
        told = db.scalars(select(AuditEvent.details).where(AuditEvent.name == "cli.audit-closed")).one()
    assert f"{told['place']}:{told['link']}" == closed


def test_what_is_written_since_is_proven(renewed: Renewed, idp: Terminal) -> None:
    close(idp)
    (event,) = renewed.write(1)
    renewed.seal()
    renewed.do(update(AuditEvent).where(AuditEvent.id == event).values(subject="somebody"))
    assert idp.run("audit", "verify").code == 1


def test_a_place_that_was_noted_must_still_be_there(renewed: Renewed, idp: Terminal) -> None:
    position, _, link = renewed.head.partition(":")
    assert close(idp, "--expect", f"{position}:{link[::-1]}").code == 1
    assert close(idp, "--expect", f"9{position}:{link}").code == 1
    assert close(idp, "--expect", renewed.head).code == 0


@pytest.mark.parametrize("missing", [AuditEvent, AuditLink])
def test_a_trail_that_lacks_something_is_not_closed(renewed: Renewed, idp: Terminal, missing: Any) -> None:
    column = AuditEvent.id if missing is AuditEvent else AuditLink.event_id
    second = select(AuditLink.event_id).where(AuditLink.position == 2).scalar_subquery()
    renewed.seal()
    renewed.do(delete(missing).where(column == second).execution_options(synchronize_session=False))
    answer = close(idp)
    assert answer.code == 1
    assert "gone" in answer.sentence


def test_it_is_closed_once_and_only_where_there_was_another_secret(renewed: Renewed, idp: Terminal) -> None:
    assert idp.run("audit", "close").code == 4
    assert close(idp, "--dry-run").code == 0
    assert idp.run("audit", "verify").code == 1
    assert close(idp).code == 0
    assert close(idp).code == 4


def test_what_was_closed_ages_out_and_the_chain_goes_on(renewed: Renewed, idp: Terminal) -> None:
    close(idp)
    renewed.clock.advance(days=200)
    renewed.write(2)
    renewed.seal()
    renewed.clock.advance(days=166)

    assert dict(purge.run(renewed.deps))["audit events"] == 4, "the three of before, and that they were closed"

    assert renewed.positions() == [5, 6]
    assert (chain.verify(renewed.deps).events, chain.verify(renewed.deps).broken) == (2, None)
    renewed.clock.advance(days=366)
    list(purge.run(renewed.deps))
    renewed.write(1)
    renewed.seal()
    assert chain.verify(renewed.deps).broken is None


def test_a_purge_that_stops_before_the_end_of_what_was_closed_moves_nothing(renewed: Renewed, idp: Terminal) -> None:
    close(idp)
    oldest = select(func.min(AuditEvent.at)).scalar_subquery()
    renewed.do(update(AuditEvent).where(AuditEvent.at == oldest).values(at=LONG_AGO))

    assert dict(purge.run(renewed.deps))["audit events"] == 1

    assert renewed.positions() == [2, 3]
    assert chain.verify(renewed.deps).broken is None


def test_an_old_end_that_was_cut_under_the_old_secret_is_vouched_for_anew(
    idp: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything was purged before the secret was replaced: the anchor alone is left of it."""
    clock = Clock()
    with _trail(clock) as old:
        clock.advance(days=-400)
        old.write(3)
        old.seal()
        clock.advance(days=400)
        assert dict(purge.run(old.deps))["audit events"] == 3
    monkeypatch.setenv("IDP_SECRET_KEY", OTHER)
    assert idp.run("audit", "verify").code == 1

    assert close(idp).data["closed"].startswith("3:")

    assert idp.ok("audit", "verify")["events"] == 1
