"""A password that was turned away unread, too many waiting for theirs, was no attempt."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from idp.errors import Overloaded, TooManyAttempts
from idp.passwords.queue import Asker
from idp.throttle import store as throttle
from idp.throttle.store import Limit
from tests.demo.running import wait_until
from tests.faults.catalogue import fault
from tests.support.world import STRONG, World
from tests.throttle.test_counting import a_limit, blocked, tries


def turned_away(world: World, *limits: Limit) -> None:
    with world.transaction() as db:
        throttle.admit(db, world.deps, *limits)
    with world.server.app.app_context(), pytest.raises(Overloaded), throttle.evaluating(world.deps, *limits):
        raise Overloaded(retry_after_seconds=5)


def test_trying_again_in_a_rush_shuts_nobody_out(world: World) -> None:
    own, network = a_limit(free=3), a_limit(free=4)

    for _ in range(10):
        turned_away(world, own, network)

    assert blocked(world, own) == timedelta(0)
    assert tries(world, own, times=9) == 3
    assert tries(world, network, times=9) == 4


def test_what_was_evaluated_stays_counted(world: World) -> None:
    own = a_limit(free=3)
    assert tries(world, own, times=2) == 2

    turned_away(world, own)

    assert tries(world, own, times=9) == 1
    with pytest.raises(TooManyAttempts), world.transaction() as db:
        throttle.admit(db, world.deps, own)


def test_a_wrong_password_is_no_overload(world: World) -> None:
    own = a_limit(free=2)
    with world.transaction() as db:
        throttle.admit(db, world.deps, own)

    with (
        world.server.app.app_context(),
        pytest.raises(LookupError, match="other"),
        throttle.evaluating(world.deps, own),
    ):
        raise LookupError("other")

    assert tries(world, own, times=9) == 1


@fault("X24")
def test_a_full_queue_is_a_503_that_says_when_and_asks_nothing_of_the_database(world: World) -> None:
    """Known and unknown addresses alike, before anything is looked up."""
    letter, _ = world.member()
    person = world.person()
    let_go, settings = threading.Event(), world.deps.settings
    size = settings.hashing_concurrency + settings.hashing_queue_limit
    threads = [
        threading.Thread(target=world.deps.hasher._done, args=(Asker(str(number), proven=True), let_go.wait))
        for number in range(size)
    ]
    for thread in threads:
        thread.start()
    try:
        assert wait_until(lambda: len(world.deps.hasher._queue) == settings.hashing_queue_limit)
        for typed in (letter.email or "", "personne@exemple.org"):
            person.open(f"/login?{letter.query}")
            with world.statements(("INSERT", "UPDATE", "DELETE")) as written:
                page = person.submit(identifier=typed, password=STRONG)
            assert (page.status, page.response.headers["Retry-After"]) == (503, "5")
            assert not [one for one in written if "throttle" in one or "audit" in one]
    finally:
        let_go.set()
        for thread in threads:
            thread.join()

    person.open(f"/login?{letter.query}")
    assert person.submit(identifier=letter.email or "", password=STRONG).heading == "Profil"
