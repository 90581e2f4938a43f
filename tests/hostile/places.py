"""Every form of the pages, and how a person gets to it: what the hostile tables are applied to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.support.acts import ask_for_account, ask_reset, choose_address, show_letter, to_merge
from tests.support.person import Person
from tests.support.world import OTHER_STRONG, STRONG, World


@dataclass(frozen=True)
class Place:
    """A form: how to get to it, fields that it would refuse (so that each hostile value meets a refusal), and one of
    its fields, by which the form is found on its page."""

    reach: Callable[[World], Person]
    fields: dict[str, str]
    field: str


def _login(world: World) -> Person:
    letter, _ = world.member()
    person = world.person()
    person.open(f"/login?{letter.query}")
    return person


def _codes(world: World) -> Person:
    person = world.person()
    person.open("/login/codes")
    return person


def _letter(world: World) -> Person:
    letter = world.letter()
    person = world.person()
    person.open(f"/login/provisional?{letter.query}")
    return person


def _email(world: World) -> Person:
    person = world.person()
    show_letter(person, world.letter())
    return person


def _password(world: World) -> Person:
    person = _email(world)
    choose_address(person)
    return person


def _sent(world: World) -> Person:
    return ask_for_account(world, world.letter())


def _link(world: World) -> Person:
    letter = world.letter()
    person = ask_for_account(world, letter)
    person.open(world.link_for(letter.email))
    return person


def _merge(world: World) -> Person:
    letter, _ = world.member()
    return to_merge(world, world.letter(), letter.email or "")


def _merged(world: World) -> Person:
    person = _merge(world)
    person.submit(password=STRONG)
    return person


def _reset(world: World) -> Person:
    letter, _ = world.member()
    person = world.person()
    person.open(f"/reset?{letter.query}")
    return person


def _reset_link(world: World) -> Person:
    letter, _ = world.member()
    person = world.person()
    ask_reset(person, letter)
    person.open(world.link_for(letter.email))
    return person


def _change(world: World) -> Person:
    letter, _ = world.member()
    person = world.signed_in(letter)
    person.open("/profile/password")
    return person


def _profile(world: World) -> Person:
    letter, _ = world.member()
    person = world.signed_in(letter)
    person.open("/profile")
    return person


NEW = {"new_password": STRONG, "confirmation": OTHER_STRONG}
PLACES = {
    "login": Place(_login, {"identifier": "nobody@exemple.org", "password": "wrong"}, "identifier"),
    "codes": Place(_codes, {"client": "NOBODY", "societe": "NOBODY"}, "client"),
    "letter": Place(
        _letter, {"provisional_identifier": "NOBODY", "provisional_password": "wrong"}, "provisional_identifier"
    ),
    "email": Place(_email, {"email": "nobody"}, "email"),
    "password": Place(_password, {**NEW, "accept_terms": "yes"}, "new_password"),
    "code": Place(_sent, {"code": "0000 0000"}, "code"),
    "link": Place(_link, {"password": "wrong"}, "password"),
    "merge": Place(_merge, {"password": "wrong"}, "password"),
    "reset link": Place(_reset_link, NEW, "new_password"),
    "change": Place(_change, {**NEW, "current_password": STRONG}, "current_password"),
}
# Whose forms refuse nothing that has a value, or have nothing to fill in.
FREE = {
    "reset": Place(_reset, {"identifier": "nobody@exemple.org"}, "identifier"),
    "merged": Place(_merged, {}, "csrf_token"),
    "sign out": Place(_profile, {}, "csrf_token"),
}
EVERY = {**PLACES, **FREE}
