"""Every kind of page, and how somebody gets to it: what is counted (`test_statements.py`) and timed (`times.py`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.support.acts import ask_for_account, ask_reset, choose_address, show_letter, to_merge
from tests.support.person import Person
from tests.support.world import OTHER_STRONG, STRONG, World

Reach = Callable[[World], tuple[Person, str]]


@dataclass(frozen=True)
class Counted:
    """A page. statements: how many SQL statements it costs to show, at most."""

    reach: Reach
    statements: int


def _visitor(path: str) -> Reach:
    def reach(world: World) -> tuple[Person, str]:
        return world.person(), path.format(query=world.agency().query)

    return reach


def _towards_portal(world: World) -> tuple[Person, str]:
    person = world.person()
    return person, person.open(world.portal(world.agency()).authorize_url()).url


def _already(world: World) -> tuple[Person, str]:
    letter, _ = world.member()
    return world.signed_in(letter), f"/login?{letter.query}"


def _email(world: World) -> tuple[Person, str]:
    person = world.person()
    return person, show_letter(person, world.letter()).url


def _password(world: World) -> tuple[Person, str]:
    person, _ = _email(world)
    return person, choose_address(person).url


def _sent(world: World) -> tuple[Person, str]:
    person = ask_for_account(world, world.letter())
    return person, person.page.url


def _asked_by_script(world: World) -> tuple[Person, str]:
    person, url = _sent(world)
    return person, f"{url}/status"


def _link(world: World) -> tuple[Person, str]:
    letter = world.letter()
    ask_for_account(world, letter)
    return world.person(), world.link_for(letter.email)


def _merge(world: World) -> tuple[Person, str]:
    letter, _ = world.member()
    person = to_merge(world, world.letter(), letter.email or "")
    return person, person.page.url


def _merged(world: World) -> tuple[Person, str]:
    person, _ = _merge(world)
    return person, person.submit(password=STRONG).url


def _reset_sent(world: World) -> tuple[Person, str]:
    person = world.person()
    return person, ask_reset(person, world.member()[0]).url


def _reset_link(world: World) -> tuple[Person, str]:
    letter, _ = world.member()
    ask_reset(world.person(), letter)
    return world.person(), world.link_for(letter.email)


def _reset_done(world: World) -> tuple[Person, str]:
    person, link = _reset_link(world)
    person.open(link)
    return person, person.submit(new_password=OTHER_STRONG, confirmation=OTHER_STRONG).url


def _signed_in(path: str) -> Reach:
    def reach(world: World) -> tuple[Person, str]:
        return world.signed_in(world.member()[0]), path

    return reach


def _profile_of_six_agencies(world: World) -> tuple[Person, str]:
    first, _ = world.member()
    person = world.signed_in(first)
    for _ in range(5):
        to_merge(world, world.letter(), first.email or "", person=person)
        person.submit(password=STRONG)
    return person, "/profile"


PAGES = {
    "codes": Counted(_visitor("/login/codes"), 0),
    "login": Counted(_visitor("/login?{query}"), 2),
    "login towards a portal": Counted(_towards_portal, 2),
    "login of who is signed in": Counted(_already, 3),
    "letter": Counted(_visitor("/login/provisional?{query}"), 2),
    "address": Counted(_email, 3),
    "password": Counted(_password, 4),
    "waiting": Counted(_sent, 6),
    "waiting, asked by its script": Counted(_asked_by_script, 3),
    "mailed link": Counted(_link, 4),
    "merge": Counted(_merge, 3),
    "merged": Counted(_merged, 5),
    "reset": Counted(_visitor("/reset?{query}"), 2),
    "reset, waiting": Counted(_reset_sent, 3),
    "reset, link": Counted(_reset_link, 4),
    "reset, done": Counted(_reset_done, 3),
    "profile": Counted(_signed_in("/profile"), 4),
    "profile of six agencies": Counted(_profile_of_six_agencies, 4),
    "password change": Counted(_signed_in("/profile/password"), 1),
    "sign out": Counted(_signed_in("/logout"), 1),
    "help": Counted(_visitor("/help?{query}"), 2),
    "terms": Counted(_visitor("/legal/terms?{query}"), 3),
    "no such page": Counted(_visitor("/nowhere?{query}"), 3),
}
