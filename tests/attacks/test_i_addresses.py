"""Group I: proving addresses."""

from __future__ import annotations

import itertools

import pytest
from markupsafe import escape

from tests.attacks import attack
from tests.hostile.test_values import rows
from tests.races.test_once import at_once
from tests.support.acts import ask_for_account, choose_address, choose_password, confirm, show_letter
from tests.support.person import Page
from tests.support.world import STRONG, World, claims

SCANNERS = ["Mozilla/5.0 (compatible; SafeLinks)", "Barracuda", "Proofpoint URL Defense", "curl/8", ""]


@attack("I1")
def test_a_link_that_machines_opened_five_times_works_for_the_person(world: World) -> None:
    letter = world.letter()
    person = ask_for_account(world, letter)
    link = world.link_for(letter.email)
    before = rows(world)

    for agent in SCANNERS:
        machine = world.person(headers={"User-Agent": agent})
        assert machine.http.head(link).status_code == 200
        page = Page(machine.get(link))
        assert Page(machine.http.post(link, data=page.form(having="password").fields)).status == 400
        assert "session" not in machine.cookies

    assert rows(world) == before
    assert confirm(world, person, letter.email).heading == "Profil"


@attack("I8")
def test_many_letters_do_not_flood_one_mailbox(world: World) -> None:
    agency = world.agency()
    victim = f"victim.{agency.client.lower()}@exemple.org"
    for _ in range(9):
        person = world.person()
        show_letter(person, world.letter(agency))
        choose_address(person, victim)
        assert choose_password(person).heading == "Vérifiez votre messagerie"

    assert len(world.mails_to(victim)) == world.deps.settings.mails_per_address_per_hour


@attack("I8")
def test_a_hundred_clicks_on_send_again_twenty_at_once_send_no_more_than_the_few(world: World) -> None:
    letter = world.letter()
    person = ask_for_account(world, letter)
    versions = itertools.count(1)

    def click(_: int) -> int:
        one = world.person(cookies=person.cookies)
        form = person.page.form("Renvoyer l'email")
        return int(one.http.post(form.action, data={**form.fields, "version": str(next(versions))}).status_code)

    statuses = [status for _ in range(5) for status in at_once(click, 20)]

    assert set(statuses) <= {303, 429}
    limit = world.deps.settings.mails_per_address_per_hour
    assert 1 < len(world.mails_to(letter.email)) <= limit
    page = person.reload()
    assert "Renvoyer l'email" in page.text or "à partir du" in page.text


@attack("I14")
@pytest.mark.parametrize("name", ["<a href=//evil>Cliquez</a>", "{{7*7}}", "%s", "${x}", "%(x)s", "{0.__class__}"])
def test_a_hostile_name_is_text_in_the_mail_that_names_it(world: World, name: str) -> None:
    """The one mail with a person's name goes to the agency: somebody asks for a new letter."""
    box = f"agence.{world.deps.new_digits(9)}@exemple.fr"
    agency = world.agency(name=f"Agence {name}", support_email=box)
    letter = world.letter(agency, expires_at=world.clock(), first_name=name, last_name=name)
    person = world.person()
    show_letter(person, letter)
    person.submit("Demander un nouveau courrier à mon agence")

    (mail,) = world.mails_to(box)

    assert name in mail.text
    assert "//evil>" not in mail.html
    assert escape(name) in mail.html
    assert "49" not in mail.text.replace(letter.identifier, "").replace(name, "") or name != "{{7*7}}"
    assert name in mail.subject or "Agence" in mail.subject


@attack("I9")
def test_no_field_of_a_form_makes_an_address_verified_or_another_one(world: World) -> None:
    letter, _ = world.member()
    person = world.signed_in(letter)
    person.open("/profile/password")
    form = person.page.form(having="current_password")
    more = {"email": "victim@exemple.org", "email_verified": "true", "account_id": "x", "state": "active"}
    fields = {"current_password": STRONG, "new_password": "Trois-Canards-77", "confirmation": "Trois-Canards-77"}

    assert person.http.post(form.action, data={**form.fields, **fields, **more}).status_code == 303

    assert letter.email in person.open("/profile").text
    assert "victim@exemple.org" not in person.page.html


@attack("I9")
@pytest.mark.parametrize("method", ["PATCH", "PUT", "DELETE"])
@pytest.mark.parametrize("path", ["/profile", "/oauth/userinfo", "/scim/v2/Me"])
def test_a_persons_token_changes_no_person(world: World, method: str, path: str) -> None:
    letter, _ = world.member()
    portal = world.portal(letter)
    person = world.signed_in(letter)
    person.open(portal.authorize_url())
    token = portal.redeem(person.sent_to).json()["access_token"]

    response = person.http.request(
        method, path, json={"email_verified": True}, headers={"Authorization": f"Bearer {token}"}
    )

    assert response.status_code in (404, 405)


@attack("I10")
def test_an_address_is_told_as_verified_once_it_is(world: World) -> None:
    letter = world.letter()
    portal = world.portal(letter)
    person = ask_for_account(world, letter)
    person.open(portal.authorize_url(prompt="none"))
    assert "error=login_required" in person.sent_to

    confirm(world, person, letter.email)
    person.open(portal.authorize_url())
    tokens = portal.redeem(person.sent_to).json()

    assert portal.userinfo(tokens["access_token"]).json()["email_verified"] is True
    assert "preferred_username" not in claims(tokens["id_token"])
