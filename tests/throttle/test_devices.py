"""An attack on an account does not keep its owner out: browsers that proved the address before are counted apart."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from idp.accounts import addresses
from idp.errors import TooManyAttempts, WrongCredentials
from idp.login import steps
from idp.throttle import devices
from idp.throttle.devices import Device
from tests.attacks import attack
from tests.support.acts import ask_reset, sign_in, to_merge
from tests.support.person import Person
from tests.support.world import OTHER_STRONG, STRONG, Letter, World

_NETWORKS = (f"100.{a}.{b}.7" for a, b in itertools.product(range(64, 128), range(256)))


def attacked(world: World, letter: Letter, *, guesses: int) -> int:
    """Wrong passwords for an address, each from a network of its own; returns how many were looked at."""
    looked_at = 0
    with world.server.app.app_context():
        for network in itertools.islice(_NETWORKS, guesses):
            with pytest.raises((WrongCredentials, TooManyAttempts)) as told:
                steps.sign_in(
                    world.deps,
                    identifier=letter.email or "",
                    password="Devine-Moi-1",
                    browser_digest=f"attacker-{network}",
                    network=network,
                    agency_id=letter.agency_id,
                    device=Device(f"attacker-{network}"),
                )
            looked_at += told.type is WrongCredentials
    return looked_at


def at_home(world: World, letter: Letter) -> Person:
    """A person whose browser has signed in before, and is signed out."""
    person = world.person()
    sign_in(person, letter)
    person.forget("session")
    return person


@attack("G8")
def test_during_a_thousand_guesses_from_as_many_networks_the_owner_gets_in_where_they_did_before(world: World) -> None:
    letter, _ = world.member()
    owner = at_home(world, letter)

    assert attacked(world, letter, guesses=1000) == 5

    page = sign_in(owner, letter)
    assert (page.path, page.heading) == ("/profile", "Profil")
    assert attacked(world, letter, guesses=5) == 0, "the owner's sign-in buys an attacker nothing"


@attack("G8")
def test_who_has_never_been_here_is_told_when_and_gets_in_by_a_mailed_link_at_once(world: World) -> None:
    letter, _ = world.member()
    attacked(world, letter, guesses=20)
    person = world.person()

    page = sign_in(person, letter)

    assert page.status == 429
    assert "éessayez à partir du" in page.errors[0]
    assert "le lien reçu par email vous laisse entrer" in page.text
    page = person.click("Mot de passe oublié ?")
    person.submit(identifier=letter.email or "")
    person.open(world.link_for(letter.email))
    attacked(world, letter, guesses=20)
    person.submit(new_password=OTHER_STRONG, confirmation=OTHER_STRONG)
    attacked(world, letter, guesses=20)
    assert sign_in(person, letter, password=OTHER_STRONG).heading == "Profil"


def test_a_browser_that_only_asked_for_a_reset_is_no_known_one(world: World) -> None:
    """Whoever asks for a reset need not be the person: the browser where the mailed link was used is theirs."""
    letter, _ = world.member()
    attacker, owner = world.person(), world.person()
    ask_reset(attacker, letter)
    owner.open(world.link_for(letter.email))
    owner.submit(new_password=OTHER_STRONG, confirmation=OTHER_STRONG)

    attacker.reload()

    assert "device" in owner.cookies
    assert "device" not in attacker.cookies


def test_a_known_browser_has_its_own_few_guesses_and_then_those_of_everybody(world: World) -> None:
    letter, _ = world.member()
    thief = at_home(world, letter)

    statuses = [sign_in(thief, letter, password="Devine-Moi-1").status for _ in range(12)]

    assert statuses == [400] * 10 + [429] * 2
    assert sign_in(world.person(), letter).status == 429


def test_an_operators_unlock_helps_a_known_browser_too(world: World) -> None:
    from idp.throttle import store

    letter, _ = world.member()
    owner = at_home(world, letter)
    for _ in range(11):
        sign_in(owner, letter, password="Trop-De-Fautes-1")
    assert sign_in(owner, letter).status == 429
    with world.transaction() as db:
        store.forget(db, world.deps, store.account(world.deps.settings, addresses.key(letter.email or "")))

    assert sign_in(owner, letter).heading == "Profil"


def test_a_busy_network_or_agency_does_not_hold_up_a_known_browser(world: World) -> None:
    from idp.throttle import store
    from idp.throttle.store import Limit

    letter, _ = world.member()
    owner = at_home(world, letter)
    with world.transaction() as db:
        for subject in ("network:127.0.0.1", f"agency:{letter.agency_id}"):
            assert store.count(db, world.deps, Limit(subject, 1)) is None

    assert sign_in(world.person(), letter).status == 429
    assert sign_in(owner, letter).heading == "Profil"
    world.forget_attempts()


@pytest.mark.parametrize("spoilt", ["of another person", "of another browser", "made up", "garbage"])
def test_a_mark_is_good_for_one_address_at_one_browser(world: World, spoilt: str) -> None:
    letter, _ = world.member()
    other, _ = world.member()
    owner, thief = at_home(world, letter), at_home(world, other)
    presented = {
        "of another person": None,
        "of another browser": owner.cookies["device"],
        "made up": "0" * 32,
        "garbage": ".." + "f" * 3000,
    }[spoilt]
    if presented is not None:
        thief.forget("device")
        thief.keep("device", presented)
    attacked(world, letter, guesses=6)

    assert sign_in(thief, letter).status in (400, 429)
    assert sign_in(owner, letter).heading == "Profil"


@attack("F17")
def test_a_mark_signs_nobody_in(world: World) -> None:
    letter, _ = world.member()
    owner = at_home(world, letter)

    assert owner.open("/profile").path != "/profile"
    assert sign_in(owner, letter, password="Devine-Moi-1").status == 400


def test_several_people_at_one_computer_are_all_known_there(world: World) -> None:
    people = [world.member()[0] for _ in range(devices.MOST + 1)]
    browser = world.person()
    for letter in people:
        sign_in(browser, letter)
    browser.forget("session")
    for letter in people:
        attacked(world, letter, guesses=6)

    assert len(browser.cookies["device"].split(".")) == devices.MOST
    # From the newest on: each sign-in puts its own mark first.
    statuses = [sign_in(browser, letter).status for letter in reversed(people)]

    assert statuses == [200] * devices.MOST + [429]


def test_a_mark_says_nothing_about_the_address_or_the_browser(world: World) -> None:
    letter, _ = world.member()
    owner = at_home(world, letter)
    mark = owner.cookies["device"]

    assert mark == devices.mark(world.deps, browser_digest(world, owner), addresses.key(letter.email or ""))
    assert len(mark) == 32
    assert mark not in browser_digest(world, owner)
    assert mark not in repr(Device("b", (mark,)))


def browser_digest(world: World, person: Person) -> str:
    from idp.digests import Kind

    return world.deps.digests.digest(Kind.BROWSER, person.cookies["browser"])


def test_over_https_the_mark_cannot_be_planted_by_a_neighbour() -> None:
    from idp.settings import load
    from idp.web.browser import device_cookie

    assert device_cookie(load({"IDP_ISSUER": "https://compte.exemple.fr"})) == "__Host-device"


@pytest.mark.parametrize("page", ["merge", "profile"])
def test_no_page_that_asks_for_the_password_keeps_its_owner_out(world: World, page: str) -> None:
    letter, _ = world.member()
    owner = at_home(world, letter)
    done: Any
    if page == "merge":
        to_merge(world, world.letter(), letter.email or "", person=owner)
        attacked(world, letter, guesses=6)
        done = owner.submit(password=STRONG)
        assert done.path.endswith("/done")
    else:
        sign_in(owner, letter)
        owner.open("/profile/password")
        attacked(world, letter, guesses=6)
        done = owner.submit(current_password=STRONG, new_password=OTHER_STRONG, confirmation=OTHER_STRONG)
        assert done.path == "/profile"
