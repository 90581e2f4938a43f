"""What a sign-in by password costs in SQL (design section 15): counted, so that it cannot grow unseen."""

from __future__ import annotations

from collections import Counter

import pytest

from idp.errors import WrongCredentials
from idp.oidc.registration import store
from tests.support.world import STRONG, World, answer


@pytest.fixture(autouse=True)
def caches_that_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second look by a cache whose time was up would be counted on a slow machine."""
    monkeypatch.setattr(store, "CACHE_SECONDS", 3600)


def test_a_sign_in_for_a_portal_costs_few_statements_and_transactions(world: World) -> None:
    """From an empty browser to the code: the request is kept, the attempt counted, the sign-in made, the code granted.

    On PostgreSQL the first and the last are a statement each, without a transaction around it.
    """
    letter, _ = world.member()
    portal = world.portal(letter)
    world.person().open(portal.authorize_url())  # the portal is in the cache from now on
    person = world.person()

    with world.statements(("SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "BEGIN")) as seen:
        person.open(portal.authorize_url())
        person.submit(identifier=letter.email, password=STRONG)

    assert "code" in answer(person.sent_to)
    kinds = Counter(statement.split()[0] for statement in seen)
    assert kinds.pop("BEGIN") == (2 if world.postgresql else 3), seen
    assert kinds.total() == (16 if world.postgresql else 19), "\n".join(seen)


def test_a_wrong_password_costs_the_same_statements_whether_somebody_has_the_address_or_not(world: World) -> None:
    letter, _ = world.member()
    costs = []
    for identifier in (letter.email, f"personne.{letter.email}"):
        person = world.person()
        person.open(f"/login?{letter.query}")
        with world.statements() as seen:
            assert person.submit(identifier=identifier, password="Faux-mot-2026!").status == WrongCredentials.status
        costs.append(seen)

    assert costs[0] == costs[1]
    assert len(costs[0]) == 5, "\n".join(costs[0])


def test_what_counts_a_network_and_an_agency_is_touched_last_in_each_unit_of_work(world: World) -> None:
    """One row of all who come from there: whoever sign in at once wait for each other from this statement on."""
    letter, _ = world.member()
    person = world.person()
    person.open(f"/login?{letter.query}")

    with world.statements(("SELECT", "INSERT", "UPDATE", "DELETE", "BEGIN", "COMMIT")) as seen:
        person.submit(identifier=letter.email, password=STRONG)

    units = [unit.split("\0COMMIT")[0].split("\0")[1:] for unit in "\0".join(seen).split("\0BEGIN")[1:]]
    counted = [["throttle_counters" in statement for statement in unit] for unit in units]
    counting = [unit for unit in counted if any(unit)]
    assert len(counting) == 2  # the attempt, and what is taken back of it
    assert counting == [sorted(unit) for unit in counting], "\n".join(seen)
