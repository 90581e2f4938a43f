"""The chain over the audit trail: what is changed, removed, put in or moved is found; what is old can be cut off."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from idp import purge
from idp.audit import store
from idp.audit.chain import steps as chain
from idp.audit.tables import AuditAnchor, AuditEvent, AuditLink
from idp.cli.context import light_deps
from idp.database import db as flask_db
from idp.database import transaction
from idp.database_app import create_database_app
from idp.deps import Deps
from idp.settings import load
from tests.attacks import attack
from tests.cli.terminal import Terminal
from tests.support.world import Clock

THREADS = 16


class Trail:
    """A database whose trail a test writes to, seals, and tampers with."""

    def __init__(self, deps: Deps, clock: Clock) -> None:
        self.deps = deps
        self.clock = clock

    def write(self, count: int = 1, **event: Any) -> list[str]:
        """Events, a second apart; returns their ids."""
        ids: list[str] = []
        for number in range(count):
            own = replace(self.deps, new_id=lambda: ids[-1])
            ids.append(self.deps.new_id())
            with transaction() as db:
                store.record(db, own, "login.succeeded", **{"subject": f"subject-{number}", **event})
            self.clock.advance(seconds=1)
        return ids

    def seal(self) -> int:
        return chain.seal(self.deps)

    def verify(self) -> chain.Verified:
        return chain.verify(self.deps)

    def do(self, *statements: Any) -> None:
        """What somebody does who has the database alone."""
        with transaction() as db:
            for statement in statements:
                db.execute(statement)

    def positions(self) -> list[int]:
        with transaction() as db:
            return list(db.scalars(select(AuditLink.position).order_by(AuditLink.position)))


@pytest.fixture
def trail(idp: Terminal) -> Iterator[Trail]:
    clock = Clock()
    settings = load()
    with opened(settings):
        yield Trail(replace(light_deps(settings), now=clock), clock)


@contextmanager
def opened(settings: Any) -> Iterator[None]:
    with create_database_app(settings).app_context():
        try:
            yield
        finally:
            flask_db.engine.dispose()


def of(event_id: str) -> Any:
    return AuditEvent.id == event_id


def moved(db: Session, ids: list[str]) -> None:
    """Two events change places, with the hashes that the places have."""
    db.execute(update(AuditLink).where(AuditLink.event_id == ids[2]).values(event_id="between"))
    db.execute(update(AuditLink).where(AuditLink.event_id == ids[3]).values(event_id=ids[2]))
    db.execute(update(AuditLink).where(AuditLink.event_id == "between").values(event_id=ids[3]))


def forged(db: Session, ids: list[str]) -> None:
    """An event that the provider never wrote, with the mac of another one, chained by the provider itself."""
    row = dict(db.execute(select(AuditEvent.__table__).where(of(ids[0]))).mappings().one())
    db.execute(AuditEvent.__table__.insert().values({**row, "id": "f" * 32}))


TAMPERING: dict[str, Any] = {
    "another subject": lambda db, ids: db.execute(update(AuditEvent).where(of(ids[2])).values(subject="somebody")),
    "another instant": lambda db, ids: db.execute(
        update(AuditEvent).where(of(ids[2])).values(at=datetime(2020, 1, 1, tzinfo=UTC))
    ),
    "other details": lambda db, ids: db.execute(update(AuditEvent).where(of(ids[2])).values(details={"x": 2})),
    "event removed": lambda db, ids: db.execute(delete(AuditEvent).where(of(ids[2]))),
    "event and place removed": lambda db, ids: (
        db.execute(delete(AuditEvent).where(of(ids[2]))),
        db.execute(delete(AuditLink).where(AuditLink.event_id == ids[2])),
    ),
    "oldest removed": lambda db, ids: (
        db.execute(delete(AuditEvent).where(of(ids[0]))),
        db.execute(delete(AuditLink).where(AuditLink.event_id == ids[0])),
    ),
    "two change places": moved,
    "an event put in": forged,
    "another sealing time": lambda db, ids: db.execute(
        update(AuditLink).where(AuditLink.event_id == ids[2]).values(sealed_at=datetime(2020, 1, 1, tzinfo=UTC))
    ),
}


def test_a_chain_that_nobody_touched_is_right(trail: Trail) -> None:
    trail.write(5, details_of=("a", 1), nested={"é": [None, 1.5]}, network="192.0.2.1", address="lea@exemple.org")

    assert trail.seal() == 5
    assert trail.seal() == 0

    found = trail.verify()
    assert (found.events, found.late, found.broken, found.head.position) == (5, 0, None, 5)


@pytest.mark.parametrize("tampering", TAMPERING)
@attack("Q7")
def test_what_is_done_to_the_trail_is_found(trail: Trail, tampering: str) -> None:
    ids = trail.write(5, x=1)
    trail.seal()

    with transaction() as db:
        TAMPERING[tampering](db, ids)
    trail.seal()

    assert trail.verify().broken is not None


def test_the_first_broken_event_is_named_with_an_exit_code(trail: Trail, idp: Terminal) -> None:
    ids = trail.write(4)
    assert idp.ok("audit", "verify")["events"] == 4

    trail.do(update(AuditEvent).where(AuditEvent.id.in_(ids[2:])).values(subject="somebody"))

    answer = idp.run("audit", "verify")
    assert answer.code == 1
    assert answer.data["events"] == 2
    assert ids[2] in answer.sentence


def test_an_event_that_is_committed_late_is_chained_after_younger_ones(trail: Trail) -> None:
    trail.write(2)
    trail.seal()
    trail.clock.advance(minutes=-4)
    trail.write(1)
    trail.clock.advance(minutes=4)
    assert trail.seal() == 1

    trail.clock.advance(hours=-2)
    trail.write(1)
    trail.clock.advance(hours=2)
    assert trail.seal() == 0, "too long ago for the sealer that looks every few seconds"
    assert chain.seal(trail.deps, everything=True) == 1

    found = trail.verify()
    assert (found.events, found.late, found.broken) == (4, 1, None)


def test_a_clock_that_ran_ahead_leaves_no_event_behind(trail: Trail) -> None:
    trail.clock.advance(days=3)
    trail.write(1)
    trail.seal()
    trail.clock.advance(days=-3)
    trail.write(2)

    assert trail.seal() == 2
    assert trail.verify().broken is None


def test_writers_and_sealers_at_once_make_one_chain(trail: Trail) -> None:
    """Each thread writes and seals, all together: every event has one place, no place is empty or taken twice."""
    barrier = threading.Barrier(THREADS)
    failures: list[BaseException] = []
    app = create_database_app(load())

    def run(number: int) -> None:
        try:
            with app.app_context():
                barrier.wait()
                for round_ in range(5):
                    with transaction() as db:
                        store.record(db, trail.deps, "login.succeeded", subject=f"{number}-{round_}")
                    chain.seal(trail.deps, everything=round_ == 4)
        except BaseException as error:  # noqa: BLE001 - a race must not hide what it raised
            failures.append(error)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with app.app_context():
        flask_db.engine.dispose()

    assert failures == []
    trail.seal()
    assert trail.positions() == list(range(1, THREADS * 5 + 1))
    found = trail.verify()
    assert (found.events, found.broken) == (THREADS * 5, None)


def test_a_chain_made_anew_is_told_by_when_it_was_made_and_by_a_head_noted_before(trail: Trail, idp: Terminal) -> None:
    ids = trail.write(3)
    head = idp.ok("audit", "verify")["head"]
    assert idp.ok("audit", "verify", "--expect", head)["late"] == 0

    trail.do(delete(AuditLink), delete(AuditEvent).where(of(ids[1])))
    trail.clock.advance(days=2)
    chain.seal(trail.deps, everything=True)

    assert idp.ok("audit", "verify")["late"] == 2
    assert idp.run("audit", "verify", "--expect", head).code == 1


def test_a_newest_event_that_was_removed_is_missed_where_its_head_was_noted(trail: Trail, idp: Terminal) -> None:
    ids = trail.write(3)
    head = idp.ok("audit", "verify")["head"]

    trail.do(delete(AuditLink).where(AuditLink.event_id == ids[2]), delete(AuditEvent).where(of(ids[2])))

    answer = idp.run("audit", "verify", "--expect", head)
    assert answer.code == 1
    assert "reached 3" in answer.sentence


@pytest.mark.parametrize("typed", ["3", "x:y", "3:abc"])
def test_a_head_that_is_none_is_refused(idp: Terminal, typed: str) -> None:
    assert idp.run("audit", "verify", "--expect", typed).code == 2


# --- the old end -----------------------------------------------------------------------------------------------------


def after_a_purge(trail: Trail) -> None:
    """Three events that were kept long enough, two that were not, chained; the three are gone."""
    trail.clock.advance(days=-366)
    trail.write(3)
    trail.seal()
    trail.clock.advance(days=366)
    trail.write(2)
    trail.seal()
    assert dict(purge.run(trail.deps))["audit events"] == 3


def test_the_purge_cuts_what_was_kept_long_enough_and_the_rest_is_still_right(trail: Trail) -> None:
    after_a_purge(trail)

    found = trail.verify()
    assert (found.events, found.head.position, found.broken) == (2, 5, None)
    assert dict(purge.run(trail.deps))["audit events"] == 0
    trail.write(1)
    trail.seal()
    assert trail.positions() == [4, 5, 6]
    assert trail.verify().broken is None


def test_a_chain_of_which_all_was_cut_goes_on_where_it_was(trail: Trail) -> None:
    trail.write(3)
    trail.seal()
    trail.clock.advance(days=366)
    assert dict(purge.expired(trail.deps))["audit events"] == 3
    list(purge.run(trail.deps))
    trail.write(1)
    trail.seal()

    assert trail.positions() == [4]
    assert trail.verify().broken is None


def test_an_event_that_is_not_chained_yet_is_not_purged(trail: Trail) -> None:
    trail.clock.advance(days=-366)
    trail.write(1)
    trail.clock.advance(days=366)

    assert dict(purge.run(trail.deps))["audit events"] == 0


@pytest.mark.parametrize(
    "tampering",
    [
        delete(AuditAnchor),
        update(AuditAnchor).values(position=4),
        update(AuditAnchor).values(sealed_at=datetime(2020, 1, 1, tzinfo=UTC)),
        delete(AuditLink).where(AuditLink.position == 4),
    ],
    ids=["anchor removed", "anchor moved", "anchor of another time", "more cut off"],
)
def test_the_old_end_can_only_be_cut_by_the_provider(trail: Trail, tampering: Any) -> None:
    after_a_purge(trail)

    trail.do(tampering)

    assert trail.verify().broken is not None


# --- handing on ------------------------------------------------------------------------------------------------------


def test_a_period_is_exported_as_lines_with_the_same_fields_in_the_same_order(trail: Trail, idp: Terminal) -> None:
    trail.clock.shift = datetime(2026, 1, 30, tzinfo=UTC) - datetime.now(UTC)
    ids = trail.write(3, network="192.0.2.1", b=1, a=2)
    trail.seal()
    trail.clock.shift += timedelta(days=1)
    trail.write(1)

    lines = idp.run("audit", "export", "--from", "2026-01-30", "--to", "2026-01-31").out.splitlines()

    events = [json.loads(line) for line in lines]
    assert [event["id"] for event in events] == ids
    assert [event["place"] for event in events] == [1, 2, 3]
    assert list(events[0]) == [
        *("id", "at", "name", "subject", "agency_id", "cause", "request", "network", "address", "details"),
        *("mac", "place", "link"),
    ]
    assert list(events[0]["details"]) == ["a", "b"]
    whole = idp.run("audit", "export", "--from", "2026-01-30").out.splitlines()
    assert [json.loads(line)["place"] for line in whole] == [1, 2, 3, None]
    assert whole[:3] == lines


def test_a_period_is_asked_for_by_instants(idp: Terminal) -> None:
    assert idp.run("audit", "export", "--from", "yesterday").code == 2
    assert idp.run("audit", "export").code == 2
