"""What people do on the pages, an act a function, so that a test only tells what is special about its own person.

Every act goes through the real pages: it opens them, fills the forms as they are written, and follows the redirects.
"""

from __future__ import annotations

from tests.support.person import Page, Person
from tests.support.world import STRONG, Letter, World


def show_letter(person: Person, letter: Letter, query: str = "", *, password: str | None = None) -> Page:
    """Open the page of the letter and type what is printed on it. query: of the page, instead of the letter's codes."""
    person.open(f"/login/provisional?{query or letter.query}")
    return person.submit(
        provisional_identifier=letter.identifier, provisional_password=letter.password if password is None else password
    )


def choose_address(person: Person, email: str | None = None) -> Page:
    """Keep the suggested address, or type another one."""
    return person.submit(having="email") if email is None else person.submit(email=email)


def choose_password(person: Person, password: str = STRONG) -> Page:
    return person.submit(new_password=password, confirmation=password, accept_terms="yes")


def ask_for_account(
    world: World,
    letter: Letter,
    *,
    person: Person | None = None,
    email: str | None = None,
    password: str = STRONG,
    query: str = "",
) -> Person:
    """Everything up to the waiting page, with the mail under way."""
    person = person or world.person()
    show_letter(person, letter, query)
    choose_address(person, email)
    page = choose_password(person, password)
    assert page.heading == "Vérifiez votre messagerie", page.text
    return person


def confirm(world: World, person: Person, email: str | None, password: str = STRONG) -> Page:
    """Open the link of the newest mail and type the chosen password."""
    person.open(world.link_for(email))
    return person.submit(password=password)


def sign_in(person: Person, letter: Letter, *, password: str = STRONG, query: str = "") -> Page:
    person.open(f"/login?{query or letter.query}")
    assert letter.email
    return person.submit(identifier=letter.email, password=password)


def to_merge(world: World, letter: Letter, email: str, *, person: Person | None = None, query: str = "") -> Person:
    """A proven letter and the address of a strong account: on the merge page."""
    person = person or world.person()
    show_letter(person, letter, query)
    page = choose_address(person, email)
    assert page.heading == "Fusion de comptes", page.text
    return person


def ask_reset(person: Person, letter: Letter, email: str | None = None) -> Page:
    person.open(f"/reset?{letter.query}")
    identifier = letter.email if email is None else email
    assert identifier is not None
    return person.submit(identifier=identifier)
