"""Pages with nothing of a person on them: rendered once, and each visitor's with tokens of their own."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import update

from idp.tenancy.tables import Agency
from tests.support.person import Page, Person
from tests.support.world import STRONG, World, answer

_TOKEN = re.compile(r'(?:nonce="|name="csrf_token" value="|authorization=)([\w-]{20,})')


def tokens(page: Page) -> list[str]:
    return _TOKEN.findall(page.html)


def without(page: Page) -> str:
    return _TOKEN.sub("", page.html)


@pytest.fixture
def portal(world: World):
    return world.portal(world.agency())


def test_the_next_visitor_gets_the_same_page_with_other_tokens(world: World, portal) -> None:
    first, second = (world.person().open(portal.authorize_url()) for _ in range(2))

    assert without(first) == without(second)
    assert len(tokens(first)) == len(tokens(second)) > 5
    assert not set(tokens(first)) & set(tokens(second))


def test_the_nonce_of_a_page_is_that_of_its_policy(world: World, portal) -> None:
    for _ in range(2):
        page = world.person().open(portal.authorize_url())
        assert f"'nonce-{tokens(page)[0]}'" in page.response.headers["Content-Security-Policy"]


def test_each_visitor_signs_in_and_goes_on_with_their_own_request(world: World) -> None:
    letter, _ = world.member()
    portal = world.portal(letter)
    first, second = world.person(), world.person()
    first.open(portal.authorize_url(state="of-the-first"))
    second.open(portal.authorize_url(state="of-the-second"))

    for person, state in ((first, "of-the-first"), (second, "of-the-second")):
        person.submit(identifier=letter.email, password=STRONG)
        assert answer(person.sent_to)["state"] == state


@pytest.mark.parametrize("hinted", ["lea@exemple.test", "", "autre@exemple.test"])
def test_what_a_portal_says_of_one_person_is_on_no_other_page(world: World, portal, hinted: str) -> None:
    for hint in ("lea@exemple.test", hinted, ""):
        page = world.person().open(portal.authorize_url(login_hint=hint or None))
        assert page.fields["identifier"]["value"] == hint
        assert set(re.findall(r"[\w.]+@exemple\.test", page.html)) == ({hint} if hint else set())


def test_what_somebody_typed_is_on_no_other_page(world: World, portal) -> None:
    person = world.person()
    person.open(portal.authorize_url())
    refused = person.submit(identifier="lea@exemple.test", password="Faux-mot-2026!")
    assert "lea@exemple.test" in refused.html

    page = world.person().open(portal.authorize_url())

    assert "exemple.test" not in page.html
    assert page.errors == []


def test_each_portal_and_language_has_its_own_page(world: World, portal) -> None:
    other = world.portal(world.agency())
    seen = [
        without(person.open(where.authorize_url()))
        for where in (portal, other)
        for person in (Person(world.base), Person(world.base, headers={"Accept-Language": "en"}))
    ]
    assert len(set(seen)) == 4


def test_an_agency_that_changes_its_name_has_it_on_the_next_page(world: World) -> None:
    agency = world.agency()
    assert world.person().open(f"/login?{agency.query}").status == 200

    with world.transaction() as db:
        db.execute(update(Agency).where(Agency.id == agency.id).values(name="Régie des Tilleuls"))

    assert "Régie des Tilleuls" in world.person().open(f"/login?{agency.query}").text
