"""What each page costs in SQL (design section 15): counted, so that it cannot grow unseen. `times.py` tells milliseconds."""

from __future__ import annotations

import pytest

from idp.oidc.registration import store
from tests.support.world import World
from tests.web.pages import PAGES


@pytest.fixture(autouse=True)
def caches_that_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second look by a cache whose time was up would be counted on a slow machine."""
    monkeypatch.setattr(store, "CACHE_SECONDS", 3600)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_costs_few_statements(world: World, name: str) -> None:
    page = PAGES[name]
    person, path = page.reach(world)
    person.get(path)  # a first look at a portal is kept from now on

    with world.statements() as seen:
        answer = person.get(path)

    assert answer.status_code in (200, 404)
    assert len(seen) == page.statements, "\n".join(seen)


def test_a_page_costs_the_same_whatever_a_person_holds() -> None:
    assert PAGES["profile"].statements == PAGES["profile of six agencies"].statements
