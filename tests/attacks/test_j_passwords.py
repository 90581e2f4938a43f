"""Group J: reset and change of the password."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest

from idp.accounts.tables import Account
from tests.attacks import attack
from tests.support.acts import ask_for_account, ask_reset, confirm, sign_in
from tests.support.person import Page
from tests.support.world import OTHER_STRONG, STRONG, World


@attack("J7")
def test_a_closed_account_stays_closed_whoever_has_its_mailbox(world: World) -> None:
    letter, account_id = world.member()
    person = world.person()
    ask_reset(person, letter)
    link = world.link_for(letter.email)
    with world.transaction() as db:
        db.get(Account, account_id).state = "disabled"

    person.open(link)
    if person.page.status == 200:
        person.submit(new_password=OTHER_STRONG, confirmation=OTHER_STRONG)

    for password in (STRONG, OTHER_STRONG):
        assert sign_in(world.person(), letter, password=password).status == 400
    before = len(world.mails_to(letter.email))
    world.clock.advance(minutes=1)
    ask_reset(world.person(), letter)
    assert len(world.mails_to(letter.email)) == before


@attack("J8")
def test_a_reset_signs_nobody_in_and_tells_the_owner(world: World) -> None:
    letter, _ = world.member()
    elsewhere, phone = world.signed_in(letter), world.person()
    ask_reset(phone, letter)
    phone.open(world.link_for(letter.email))

    phone.submit(new_password=OTHER_STRONG, confirmation=OTHER_STRONG)

    assert "session" not in phone.cookies
    assert elsewhere.open("/profile").path != "/profile"
    assert "mot de passe" in world.mails_to(letter.email)[-1].text.lower()
    assert sign_in(world.person(), letter).status == 400
    assert sign_in(world.person(), letter, password=OTHER_STRONG).heading == "Profil"


@attack("J9")
@pytest.mark.parametrize("kind", ["reset", "upgrade"])
def test_the_page_of_a_mailed_link_asks_nobody_else_for_anything(world: World, kind: str) -> None:
    """The secret stands in the page's address: no other site learns it, no cache keeps it."""
    letter = world.letter() if kind == "upgrade" else world.member()[0]
    if kind == "upgrade":
        ask_for_account(world, letter)
    else:
        ask_reset(world.person(), letter)

    page = world.person().open(world.link_for(letter.email))

    assert page.response.headers["cache-control"] == "no-store"
    assert page.response.headers["referrer-policy"] in ("no-referrer", "same-origin")
    for address in re.findall(r'(?:src|href|action)="([^"]+)"', page.html):
        assert urlsplit(address).scheme in ("", "tel", "mailto"), address
        assert not address.startswith("//"), address


@attack("J11")
def test_a_password_is_not_changed_without_the_present_one(world: World) -> None:
    letter, _ = world.member()
    person = world.signed_in(letter)
    person.open("/profile/password")
    form = person.page.form(having="current_password")
    new = {"new_password": OTHER_STRONG, "confirmation": OTHER_STRONG, "csrf_token": form.fields["csrf_token"]}

    assert Page(person.http.post(form.action, data=new)).status == 400
    assert Page(person.http.post(form.action, data={**new, "current_password": ""})).status == 400

    assert sign_in(world.person(), letter).heading == "Profil"


@attack("J12")
def test_the_page_of_the_first_password_sets_no_second_one(world: World) -> None:
    letter = world.letter()
    person = ask_for_account(world, letter)
    flow = person.page.path.removesuffix("/sent")
    old = person.open(f"{flow}/password")
    confirm(world, person, letter.email)

    person.page = old
    page = person.submit(new_password=OTHER_STRONG, confirmation=OTHER_STRONG, accept_terms="yes")

    assert page.status < 400
    assert sign_in(world.person(), letter, password=OTHER_STRONG).status == 400
    assert sign_in(world.person(), letter).heading == "Profil"


@attack("J14")
def test_notices_hold_no_secret_and_say_whom_to_call(world: World) -> None:
    letter, _ = world.member()
    person = world.signed_in(letter)
    person.open("/profile/password")
    person.submit(current_password=STRONG, new_password=OTHER_STRONG, confirmation=OTHER_STRONG)

    mail = world.mails_to(letter.email)[-1]

    for secret in (STRONG, OTHER_STRONG, letter.password, person.cookies["session"]):
        assert secret not in mail.text + mail.html
    assert not re.search(r"/confirm/", mail.text)
    assert re.search(r"20\d\d", mail.text)
    assert "05 62 27 95 30" in mail.text or "+33562279530" in mail.text


@attack("J15")
def test_a_reset_at_another_agencys_page_tells_nothing_of_ones_own(world: World) -> None:
    letter, _ = world.member(world.agency(name="Agence Secrète"))
    other = world.agency()
    person = world.person()
    person.open(f"/reset?{other.query}")
    page = person.submit(identifier=letter.email or "")

    assert page.heading == "Vérifiez votre messagerie"
    assert "Secrète" not in page.html
    assert "Secrète" not in world.mails_to(letter.email)[-1].text
