"""Cookies that are not what we gave, and secrets that should have died."""

from __future__ import annotations

import pytest

from tests.attacks import attack
from tests.support.acts import show_letter, sign_in
from tests.support.person import house_rules
from tests.support.world import STRONG, World

GARBAGE = [
    "",
    "x",
    "x" * 43,
    "é" * 43,
    "../../etc",
    '"quoted; value"',
    "a" * 4000,
    "%00",
    "null",
    "eyJhbGciOiJub25lIn0.e30.",
]


@pytest.mark.parametrize("value", GARBAGE, ids=range(len(GARBAGE)))
@pytest.mark.parametrize("name", ["browser", "session", "agency"])
def test_a_garbage_cookie_is_a_visitor_without_one(world: World, name: str, value: str) -> None:
    letter, _ = world.member()
    person = world.person(headers={"Cookie": f"{name}={value}".encode()})

    for path in ("/login/codes", f"/login?{letter.query}", "/profile", "/logout", "/help"):
        response = person.get(path)
        assert response.status_code in (200, 303), path
        if response.status_code == 200:
            assert "HOAREAU" not in response.text


def test_a_huge_cookie_is_refused_or_ignored(world: World) -> None:
    person = world.person(headers={"Cookie": "session=" + "x" * 60_000})

    assert person.get("/login/codes").status_code in (200, 400, 431)


def test_many_cookies_are_ignored(world: World) -> None:
    person = world.person(headers={"Cookie": "; ".join(f"c{n}=v" for n in range(2000))})

    assert person.get("/login/codes").status_code in (200, 400, 431)


@attack("F1")
def test_a_sign_in_gives_a_new_secret_and_never_one_that_was_planted(world: World) -> None:
    letter, _ = world.member()
    planted = "p" * 43
    person = world.person(cookies={"session": planted})

    sign_in(person, letter)

    assert person.cookies.get("session") not in (None, planted)
    assert world.person(cookies={"session": planted}).open("/profile").path != "/profile"


@attack("F17", "F1")
def test_a_planted_browser_key_signs_nobody_in(world: World) -> None:
    letter, _ = world.member()
    attacker = world.person()
    sign_in(attacker, letter)
    key = attacker.cookies["browser"]

    victim = world.person(cookies={"browser": key})

    assert victim.open("/profile").path != "/profile"


@attack("F3")
def test_the_secret_before_signing_in_again_is_worthless(world: World) -> None:
    letter, _ = world.member()
    person = world.signed_in(letter)
    old = person.cookies["session"]
    world.clock.advance(minutes=1)

    sign_in(person, letter)

    assert person.cookies["session"] != old
    assert world.person(cookies={"session": old}).open("/profile").path != "/profile"


@attack("F3")
def test_the_secret_before_a_change_of_password_is_worthless(world: World) -> None:
    letter, _ = world.member()
    person = world.signed_in(letter)
    old = person.cookies["session"]
    person.open("/profile/password")

    person.submit(current_password=STRONG, new_password="Trois-Canards-77", confirmation="Trois-Canards-77")

    assert person.cookies["session"] != old
    assert world.person(cookies={"session": old}).open("/profile").path != "/profile"


@pytest.mark.parametrize(("hours", "lives"), [(11, True), (13, False)])
def test_an_idle_sign_in_ends(world: World, hours: int, lives: bool) -> None:
    letter, _ = world.member()
    person = world.signed_in(letter)

    world.clock.advance(hours=hours)

    assert (person.open("/profile").path == "/profile") is lives


def test_a_sign_in_that_is_used_every_day_ends_after_a_month(world: World) -> None:
    letter, _ = world.member()
    person = world.signed_in(letter)
    for _ in range(59):
        world.clock.advance(hours=11)
        assert person.open("/profile").path == "/profile"

    world.clock.advance(hours=11)
    for _ in range(7):
        person.open("/profile")
        world.clock.advance(hours=11)

    assert person.open("/profile").path != "/profile"


def test_cookies_are_out_of_the_reach_of_scripts_and_other_sites(world: World) -> None:
    letter, _ = world.member()
    person = world.person()
    first = person.get(f"/login?{letter.query}")
    person.open(f"/login?{letter.query}")
    second = person.send(having="identifier", identifier=letter.email, password=STRONG)

    for response in (first, second):
        for line in response.headers.get_list("set-cookie"):
            assert "HttpOnly" in line
            assert "SameSite=Lax" in line
            assert "Path=/" in line
            assert "Domain" not in line


def test_the_browsers_key_stays_while_it_is_valid(world: World) -> None:
    letter, _ = world.member()
    person = world.person()
    person.open("/login/codes")
    key = person.cookies["browser"]

    show_letter(person, world.letter())
    sign_in(person, letter)
    person.open("/profile")
    house_rules(person.page)

    assert person.cookies["browser"] == key
