"""Sign-ins as rows: what a cookie is worth, and for how long."""

from __future__ import annotations

from tests.support.world import STRONG, World, answer, claims


def test_signing_in_again_makes_the_secret_before_worthless(world: World) -> None:
    letter, _ = world.member()
    person = world.signed_in(letter)
    before = person.cookies["session"]
    world.clock.advance(minutes=1)
    person.open(f"/login?{letter.query}")
    person.submit(having="identifier", identifier=letter.email, password=STRONG)
    assert person.cookies["session"] != before
    thief = world.person(cookies={"session": before})
    assert thief.open("/profile").path != "/profile"
    assert person.open("/profile").path == "/profile"


def test_the_answers_of_a_double_click_are_both_good(world: World) -> None:
    """ZITADEL 12656: whichever answer reaches the browser last, the person is signed in."""
    letter, _ = world.member()
    person = world.person()
    person.open(f"/login?{letter.query}")
    first = person.send(identifier=letter.email, password=STRONG).cookies["session"]
    second = person.send(identifier=letter.email, password=STRONG).cookies["session"]
    for secret in (first, second):
        assert world.person(cookies={"session": secret}).open("/profile").path == "/profile"


def test_somebody_elses_sign_in_at_the_same_browser_ends_the_one_before(world: World) -> None:
    """A cookie that somebody planted is worth nothing after the sign-in (session fixation)."""
    mine, _ = world.member()
    planted, _ = world.member()
    person = world.signed_in(planted)
    secret = person.cookies["session"]
    person.open(f"/login?{mine.query}")
    person.submit(having="identifier", identifier=mine.email, password=STRONG)
    assert world.person(cookies={"session": secret}).open("/profile").path != "/profile"


def test_the_sid_that_portals_know_survives_signing_in_again(world: World) -> None:
    agency = world.agency()
    letter, _ = world.member(agency)
    portal = world.portal(agency)
    person = world.signed_in(letter)
    person.open(portal.authorize_url())
    first = claims(portal.redeem(person.sent_to).json()["id_token"])
    world.clock.advance(minutes=1)
    person.open(portal.authorize_url(prompt="login"))
    person.submit(identifier=letter.email, password=STRONG)
    second = claims(portal.redeem(person.sent_to).json()["id_token"])
    assert second["sid"] == first["sid"]
    assert second["auth_time"] > first["auth_time"]


def test_opening_a_portal_is_use_of_a_sign_in(world: World) -> None:
    agency = world.agency()
    letter, _ = world.member(agency)
    portal = world.portal(agency)
    person = world.signed_in(letter)
    for _ in range(3):
        world.clock.advance(hours=11)
        person.open(portal.authorize_url(prompt="none"))
        assert "code" in answer(person.sent_to)
    assert person.open("/profile").path == "/profile"


def test_a_sign_in_ends_of_disuse_and_of_age(world: World) -> None:
    letter, _ = world.member()
    unused = world.signed_in(letter)
    world.clock.advance(hours=13)
    assert unused.open("/profile").path != "/profile"
    used = world.signed_in(letter)
    for _ in range(70):
        world.clock.advance(hours=11)
        page = used.open("/profile")
    assert page.path != "/profile"


def test_reading_pages_writes_the_last_use_now_and_then_only(world: World) -> None:
    letter, _ = world.member()
    person = world.signed_in(letter)
    with world.statements() as seen:
        person.open("/profile")
    assert not [s for s in seen if s.startswith("UPDATE")]
    world.clock.advance(minutes=6)
    with world.statements() as seen:
        person.open("/profile")
    assert len([s for s in seen if s.startswith("UPDATE")]) == 1
