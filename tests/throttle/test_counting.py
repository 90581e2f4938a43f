"""Counting attempts: durable, one statement, growing delays, and never a lock for good."""

from __future__ import annotations

import secrets
import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from idp.deps import Deps
from idp.errors import TooManyAttempts
from idp.throttle import store as throttle
from idp.throttle.store import Limit, network_of
from tests.attacks import attack
from tests.support.world import World


def with_settings(world: World, **values: Any) -> Deps:
    return replace(world.deps, settings=world.deps.settings.model_copy(update=values))


def a_limit(free: int = 5, delay: timedelta | None = None) -> Limit:
    return Limit(f"test:{secrets.token_hex(8)}", free, delay)


def tries(world: World, *limits: Limit, times: int, deps: Deps | None = None) -> int:
    """How many of so many attempts are admitted."""
    admitted = 0
    for _ in range(times):
        try:
            with world.transaction() as db:
                throttle.admit(db, deps or world.deps, *limits)
            admitted += 1
        except TooManyAttempts:
            pass
    return admitted


def blocked(world: World, limit: Limit) -> timedelta:
    with world.reading() as db:
        until = throttle.blocked_until(db, world.deps, limit)
    return until - world.clock() if until is not None else timedelta(0)


def test_the_free_attempts_are_free_and_the_next_waits_a_minute(world: World) -> None:
    limit = a_limit(free=5)

    assert tries(world, limit, times=9) == 5
    assert timedelta(seconds=55) < blocked(world, limit) <= timedelta(seconds=60)


def test_each_further_attempt_doubles_the_delay_up_to_an_hour(world: World) -> None:
    limit = a_limit(free=1)
    tries(world, limit, times=1)
    minutes = []

    for _ in range(8):
        minutes.append(round(blocked(world, limit) / timedelta(minutes=1)))
        world.clock.advance(seconds=blocked(world, limit).total_seconds() + 1)
        assert tries(world, limit, times=3) == 1

    assert minutes == [1, 2, 4, 8, 16, 32, 60, 60]


def test_a_refused_attempt_adds_no_delay(world: World) -> None:
    limit = a_limit(free=1)
    tries(world, limit, times=1)
    before = blocked(world, limit)

    tries(world, limit, times=20)

    assert blocked(world, limit) <= before


def test_a_day_later_everything_is_forgotten(world: World) -> None:
    limit = a_limit(free=3)
    tries(world, limit, times=3)

    world.clock.advance(hours=25)

    assert tries(world, limit, times=9) == 3


def test_a_slow_trickle_of_mistakes_is_forgotten_too(world: World) -> None:
    """Every attempt prolonged the memory of all before it, so a counter that many people share was never forgotten: the
    honest mistakes of a few weeks would have shut a whole agency out, an hour for each attempt."""
    limit = a_limit(free=10)

    for _ in range(12):
        assert tries(world, limit, times=4) == 4
        world.clock.advance(hours=23)


def test_a_hundred_attempts_at_once_are_a_hundred(world: World) -> None:
    limit = a_limit(free=5)
    barrier = threading.Barrier(100)
    admitted = []

    def attempt() -> None:
        barrier.wait()
        admitted.append(tries(world, limit, times=1))

    threads = [threading.Thread(target=attempt) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(admitted) == 5


def test_of_two_attempts_at_once_the_one_that_read_the_clock_first_may_count_last(world: World) -> None:
    """A double click on a right password was answered "trop d'essais" now and then: the delay of a first attempt ended at
    the instant of that attempt, and another one a millisecond older came after it."""
    limit = a_limit()
    earlier = replace(world.deps, now=lambda: world.clock() - timedelta(milliseconds=5))

    assert tries(world, limit, times=1) == 1

    assert tries(world, limit, times=1, deps=earlier) == 1


def test_attempts_and_successes_at_once_do_not_wait_for_each_other_in_a_circle(world: World) -> None:
    """An attempt took the network's row, then the agency's; a success took both in the order of their digests."""
    shared = [a_limit(free=10_000) for _ in range(4)]
    tries(world, *shared, times=1)
    barrier = threading.Barrier(8)
    failures: list[BaseException] = []

    def sign_in() -> None:
        own = a_limit()
        barrier.wait()
        try:
            for _ in range(15):
                with world.transaction() as db:
                    throttle.admit(db, world.deps, own, *shared)
                with world.transaction() as db:
                    throttle.succeeded(db, world.deps, own, *shared)
        except BaseException as error:  # noqa: BLE001 - told in the assertion
            failures.append(error)

    threads = [threading.Thread(target=sign_in) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not failures


@attack("G7")
def test_a_success_forgets_the_accounts_count_and_only_itself_of_the_networks(world: World) -> None:
    """An attacker's sign-in to an account of their own must not buy more guesses at others."""
    own, network = a_limit(free=5), a_limit(free=5)
    assert tries(world, network, times=3) == 3
    assert tries(world, own, network, times=1) == 1

    with world.transaction() as db:
        throttle.succeeded(db, world.deps, own, network)

    assert tries(world, own, times=9) == 5
    assert tries(world, network, times=9) == 2


def test_one_blocked_limit_refuses_and_counts_on_none(world: World) -> None:
    full, free = a_limit(free=1), a_limit(free=5)
    tries(world, full, times=1)

    assert tries(world, free, full, times=3) == 0

    assert tries(world, free, times=9) == 5


def test_a_fixed_delay_admits_so_many_in_a_window(world: World) -> None:
    limit = a_limit(free=5, delay=timedelta(hours=1))
    assert tries(world, limit, times=9) == 5

    world.clock.advance(minutes=61)

    assert tries(world, limit, times=9) == 5


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", "unknown"),
        ("unix:", "unknown"),
        ("192.0.2.7, 192.0.2.8", "unknown"),
    ],
)
def test_a_customer_of_a_provider_is_one_network(address: str, network: str) -> None:
    assert network_of(address) == network


def test_no_subject_is_stored_in_clear(world: World) -> None:
    from sqlalchemy import select

    from idp.throttle.tables import ThrottleCounter

    tries(world, throttle.account(world.deps.settings, "lea@exemple.org"), times=1)

    with world.reading() as db:
        keys = db.scalars(select(ThrottleCounter.key)).all()
    assert keys
    assert not [key for key in keys if "lea" in key]
