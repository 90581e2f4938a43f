"""Limits of many people counted in a real Valkey or Redis: as the database counts them, and never an account's."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from threading import Barrier, Thread

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import func, select

from idp.deps import Deps
from idp.errors import TooManyAttempts
from idp.shared import Shared
from idp.throttle import store as throttle
from idp.throttle.store import Limit
from idp.throttle.tables import ThrottleCounter
from tests.support.valkey import Server
from tests.support.world import World


@pytest.fixture
def sharing(world: World, memory: Server) -> Iterator[Deps]:
    """The world's dependencies, with shared memory that is patient: a busy machine is not to look like a broken one."""
    known = world.deps.settings.model_copy(
        update={"redis_url": SecretStr(memory.url), "redis_wait_milliseconds": 60_000}
    )
    shared = Shared(known)
    yield replace(world.deps, settings=known, shared=shared)
    shared.close()


def many(free: int = 5, delay: timedelta | None = None) -> Limit:
    return Limit(f"network:{secrets.token_hex(8)}", free, delay, of_many=True)


def admitted(world: World, deps: Deps, *limits: Limit) -> bool:
    try:
        with world.transaction() as db:
            throttle.admit(db, deps, *limits)
    except TooManyAttempts:
        return False
    return True


STEPS = st.one_of(
    st.just("attempt"),
    st.just("attempt"),
    st.just("success"),
    st.sampled_from([30, 61, 130, 3_700, 90_000]),  # seconds that pass
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(STEPS, max_size=14),
    free=st.integers(1, 3),
    delay=st.sampled_from([None, timedelta(hours=1)]),
)
def test_both_memories_admit_and_refuse_alike(
    world: World, sharing: Deps, steps: list[str | int], free: int, delay: timedelta | None
) -> None:
    stored, shared = many(free, delay), many(free, delay)
    for step in steps:
        if isinstance(step, int):
            world.clock.advance(seconds=step)
        elif step == "success":
            with world.transaction() as db:
                throttle.succeeded(db, world.deps, many(), stored)
                throttle.succeeded(db, sharing, many(), shared)
        else:
            assert admitted(world, world.deps, stored) is admitted(world, sharing, shared)


def test_a_hundred_attempts_at_once_are_a_hundred(world: World, sharing: Deps) -> None:
    limit = many()
    barrier = Barrier(100)
    answers: list[bool] = []

    def attempt() -> None:
        barrier.wait()
        with world.reading() as db:
            answers.append(throttle.count(db, sharing, limit) is None)

    threads = [Thread(target=attempt) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(answers) == 5


def test_an_attempt_that_one_limit_refuses_is_counted_on_none(world: World, sharing: Deps) -> None:
    """Whoever goes on at an account that waits, or from a network that waits, must not shut the agency out."""
    full, account, agency = many(free=1), Limit(f"account:{secrets.token_hex(8)}", 1), many(free=5)
    assert admitted(world, sharing, full)
    assert admitted(world, sharing, account)

    for _ in range(9):
        assert not admitted(world, sharing, account, agency)
        assert not admitted(world, sharing, full, agency)

    assert [admitted(world, sharing, agency) for _ in range(6)] == [True] * 5 + [False]


def test_only_limits_of_many_are_counted_there_and_none_of_them_in_the_database(
    world: World, sharing: Deps, memory: Server
) -> None:
    memory.client.flushall()
    with world.transaction() as db:
        before = db.scalar(select(func.count()).select_from(ThrottleCounter))
        throttle.guess(
            db, sharing, f"{secrets.token_hex(8)}@exemple.fr", device=None, network_address="192.0.2.9", agency_id="a"
        )
        after = db.scalar(select(func.count()).select_from(ThrottleCounter))

    kept = [key.decode() for key in memory.client.scan_iter()]
    assert after == before + 1
    assert len(kept) == 2
    assert not [key for key in kept if "192.0.2.9" in key]


def test_a_counter_there_is_forgotten_by_the_server_itself(world: World, sharing: Deps, memory: Server) -> None:
    memory.client.flushall()
    assert admitted(world, sharing, many(free=9))
    assert admitted(world, sharing, many(free=1, delay=timedelta(hours=1)))

    lives = sorted(memory.client.pttl(key) / 3_600_000 for key in memory.client.scan_iter())
    assert [round(hours) for hours in lives] == [1, world.deps.settings.throttle_memory_hours]


def test_an_emptied_memory_forgets_networks_and_no_account(world: World, sharing: Deps, memory: Server) -> None:
    network, account = many(free=1), Limit(f"account:{secrets.token_hex(8)}", 1)
    assert admitted(world, sharing, network)
    assert admitted(world, sharing, account)

    memory.client.flushall()

    assert admitted(world, sharing, network)
    assert not admitted(world, sharing, account)


def test_while_it_is_away_the_database_counts(world: World, sharing: Deps, memory: Server) -> None:
    limit = many(free=2)
    memory.stop()
    try:
        assert [admitted(world, sharing, limit) for _ in range(3)] == [True, True, False]
        with world.transaction() as db:
            throttle.succeeded(db, sharing, many(), limit)  # and so does what is taken back
    finally:
        memory.start()
