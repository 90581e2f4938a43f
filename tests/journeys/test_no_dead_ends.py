"""What people of other providers complain about, and cannot complain about here: each rule of docs/no-dead-ends.md."""

from __future__ import annotations

import re
import secrets

import pytest

from idp.accounts.typos import meant
from tests.support.acts import (
    ask_for_account,
    ask_reset,
    choose_address,
    choose_password,
    confirm,
    show_letter,
    to_merge,
)
from tests.support.person import Page, Person
from tests.support.world import OTHER_STRONG, STRONG, Letter, World, claims


def asked_by(person: Person, world: World, letter: Letter) -> tuple[str, str]:
    """Open the request of a portal of the letter's agency; the query that keeps it, and the portal's address."""
    portal = world.portal(letter)
    person.open(portal.authorize_url())
    return person.page.url.split("?", 1)[1], portal.redirect_uri


# --- the waiting page --------------------------------------------------------------------------------------------------


def refreshes(page: Page) -> bool:
    return '<noscript><meta http-equiv="refresh"' in page.html


def test_the_waiting_page_reloads_without_a_script_unless_a_code_is_being_typed(world: World) -> None:
    """A reload erased half of a code; so the field has a page of its own where nothing reloads."""
    person = ask_for_account(world, world.letter())

    assert refreshes(person.page)
    assert not refreshes(person.click("Saisir le code du message"))
    assert not refreshes(person.submit(code="1"))


def test_the_reload_of_the_waiting_page_can_be_stopped_and_started_again(world: World) -> None:
    person = ask_for_account(world, world.letter())

    assert not refreshes(person.click("Ne plus la recharger"))
    assert refreshes(person.click("Recharger cette page toute seule"))


def test_the_waiting_page_of_a_reset_goes_on_after_the_new_password_was_chosen_elsewhere(world: World) -> None:
    letter, _ = world.member()
    computer, phone = world.person(), world.person()
    query, portal = asked_by(computer, world, letter)
    computer.open(f"/reset?{query}")
    computer.submit(identifier=letter.email or "")
    waiting = computer.page
    assert refreshes(waiting)
    assert computer.get(f"{waiting.path}/status").json() == {"waiting": True, "mail": ""}
    phone.open(world.link_for(letter.email))
    phone.submit(new_password=OTHER_STRONG, confirmation=OTHER_STRONG)

    assert computer.get(f"{waiting.path}/status").json()["waiting"] is False
    assert computer.open(waiting.url).heading.startswith("Mot de passe réinitialisé")
    computer.click("Se connecter")
    computer.submit(identifier=letter.email or "", password=OTHER_STRONG)

    assert computer.sent_to.startswith(portal)


def test_the_waiting_page_says_when_the_mail_left_and_until_when_it_works_however_often_it_is_reloaded(
    world: World,
) -> None:
    """ "Un nouveau message vous a été envoyé" came again with each reload, as if another one had left."""
    letter = world.letter()
    person = ask_for_account(world, letter)
    first = person.page.text
    world.clock.advance(minutes=10)
    person.submit("Renvoyer l'email")
    world.clock.advance(minutes=10)
    again = person.reload().text

    assert "Un nouveau message a été demandé le" not in first
    assert person.page.url.endswith("/sent")
    sent_at = re.search(r"Un nouveau message a été demandé le (.*?) pour cette adresse", again)
    assert sent_at is not None
    assert person.reload().text == again
    assert len(world.mails_to(letter.email)) == 2


def test_the_validity_that_pages_and_mails_tell_is_the_one_that_is_set(world: World) -> None:
    letter = world.letter()
    page = ask_for_account(world, letter).page
    told = re.search(r"fonctionnent jusqu'au (.*? \d\d)\.", page.text)

    assert told is not None
    assert "24 heures" not in page.text
    assert f"fonctionnent jusqu'au {told[1]}." in " ".join(world.mails_to(letter.email)[-1].text.split())


@pytest.mark.parametrize("days", [1.1, 3, 6])
def test_half_an_upgrade_is_taken_up_days_later_on_another_device_with_the_letter_alone(
    world: World, days: float
) -> None:
    letter = world.letter()
    ask_for_account(world, letter)
    world.clock.advance(days=days)

    phone = world.person()
    page = show_letter(phone, letter)
    assert page.heading == "Vérifiez votre messagerie"
    assert "n'est plus valable" in page.text
    assert "code" not in page.fields
    phone.submit("Renvoyer l'email")
    page = phone.submit(code=world.code_for(letter.email), password=STRONG)

    assert page.heading == "Profil"


def test_half_an_upgrade_is_begun_again_with_the_letter_after_its_row_expired(world: World) -> None:
    letter = world.letter()
    ask_for_account(world, letter)
    world.clock.advance(days=8)

    phone = world.person()
    show_letter(phone, letter)
    choose_address(phone)
    choose_password(phone, OTHER_STRONG)

    assert confirm(world, phone, letter.email, OTHER_STRONG).heading == "Profil"


# --- forgotten password, from wherever it is asked ---------------------------------------------------------------------


def test_a_letters_owner_who_asks_for_a_new_password_is_mailed_how_to_begin(world: World) -> None:
    """Such people heard nothing at all: their address is known, but no account is there yet (Matomo 20297)."""
    letter = world.letter()
    person = world.person()

    page = ask_reset(person, letter)

    assert page.heading == "Vérifiez votre messagerie"
    mail = world.mails_to(letter.email)[-1]
    assert mail.subject.startswith("Activez votre compte")
    link = re.search(r"https?://\S+(/login/provisional\?\S+)", mail.text)
    assert link is not None
    assert person.open(link[1]).heading == "Mon compte immobilier"
    assert "provisional_identifier" in person.page.fields


def test_the_owner_of_an_expired_letter_is_mailed_too_and_finds_the_way_to_a_new_one(world: World) -> None:
    """Whose letter had expired heard nothing, as if the address were unknown."""
    letter = world.letter(expires_at=world.clock())
    person = world.person()
    ask_reset(person, letter)
    mail = world.mails_to(letter.email)[-1]
    assert "s'il a expiré" in mail.text

    link = re.search(r"https?://\S+(/login/provisional\?\S+)", mail.text)
    assert link is not None
    person.open(link[1])
    page = person.submit(provisional_identifier=letter.identifier, provisional_password=letter.password)

    assert page.heading == "Ce courrier a expiré"
    assert person.submit("Demander un nouveau courrier à mon agence").heading == "Votre demande est envoyée"


def test_an_address_that_waits_for_its_proof_is_mailed_how_to_begin(world: World) -> None:
    letter = world.letter()
    other = f"autre.{letter.email}"
    ask_for_account(world, letter, email=other)

    ask_reset(world.person(), letter, other)

    assert world.mails_to(other)[-1].subject.startswith("Activez votre compte")


def test_an_address_that_nobody_knows_is_mailed_nothing_and_its_page_is_the_same(world: World) -> None:
    letter = world.letter()
    known, unknown = world.person(), world.person()

    a, b = ask_reset(known, letter), ask_reset(unknown, letter, f"x{letter.email}")

    assert a.text.replace(letter.email or "", "…") == b.text.replace(f"x{letter.email}", "…")
    assert not world.mails_to(f"x{letter.email}")


def test_a_used_letter_tells_who_holds_it_which_address_to_sign_in_with(world: World) -> None:
    letter, _ = world.member()
    person = world.person()

    page = show_letter(person, letter)

    assert page.heading == "Ce compte est déjà à jour"
    assert "r•••@exemple.org" in page.text
    assert letter.email not in page.html
    assert person.click("Mot de passe oublié").path == "/reset"


def test_an_expired_letter_is_replaced_by_one_click(world: World) -> None:
    address = f"accueil-{secrets.token_hex(4)}@agence.exemple.fr"
    agency = world.agency(support_email=address)
    letter = world.letter(agency, expires_at=world.clock())
    person = world.person()
    assert show_letter(person, letter).heading == "Ce courrier a expiré"

    for _ in range(2):
        show_letter(person, letter)
        page = person.submit("Demander un nouveau courrier à mon agence")
        assert page.heading == "Votre demande est envoyée"

    mails = world.mails_to(address)
    assert len(mails) == 1, "an agency is not to be flooded by somebody impatient"
    assert letter.identifier in mails[0].text
    assert "Rolande HOAREAU" in mails[0].text
    assert "HOAREAU" not in mails[0].subject


def test_a_new_letter_is_only_asked_for_by_who_typed_the_old_one_right(world: World) -> None:
    letter = world.letter(expires_at=world.clock())
    stranger = world.person()
    page = stranger.open(f"/login/provisional?{letter.query}")
    token = page.form(having="provisional_identifier").fields["csrf_token"]

    page = stranger._follow(
        stranger.http.post(
            f"/login/provisional/new-letter?{letter.query}", data={"letter": letter.id, "csrf_token": token}
        )
    )

    assert page.status == 400
    assert page.heading == "Mon compte immobilier"
    assert not [m for m in world.mails_to("contact@agence.exemple.fr") if letter.identifier in m.text]


def test_an_agency_without_an_address_is_telephoned(world: World) -> None:
    letter = world.letter(world.agency(support_email=None), expires_at=world.clock())

    page = show_letter(world.person(), letter)

    assert "Demander un nouveau courrier" not in page.text
    assert "05 62 27 95 30" in page.text


@pytest.mark.parametrize("path", ["/login", "/login/provisional", "/reset", "/help", "/profile"])
def test_a_closed_agency_is_named_with_who_to_call_and_the_way_to_others(world: World, path: str) -> None:
    closed = world.agency(name="Régie du Port", disabled_at=world.clock())
    person = world.person()

    page = person.open(f"{path}?{closed.query}")

    assert (page.status, page.heading) == (410, "Cet espace est fermé")
    assert "Régie du Port" in page.text
    assert "05 62 27 95 30" in page.text
    assert person.click("Saisir les codes").path == "/login/codes"


def test_forgotten_password_on_the_letters_page_of_a_merge_comes_back_to_the_merge(world: World) -> None:
    held, _ = world.member()
    letter = world.letter()
    person = to_merge(world, letter, held.email or "")
    merge = person.page.path
    person.click("Mot de passe oublié")
    person.submit(identifier=letter.identifier)
    assert person.page.heading == "Votre mot de passe n'est pas perdu"

    person.click("Saisir l'adresse email de mon compte")
    person.submit(identifier=held.email or "")
    assert person.page.link("Revenir en arrière").endswith(merge)
    person.open(world.link_for(held.email))
    person.submit(new_password=OTHER_STRONG, confirmation=OTHER_STRONG)

    assert person.click("Reprendre la fusion").path == merge


# --- without codes -----------------------------------------------------------------------------------------------------


def test_who_has_an_account_and_no_codes_signs_in_and_finds_the_portals(world: World) -> None:
    letter, _ = world.member()
    world.portal(letter, default_portal=True)
    person = world.person()
    person.open("/")
    assert person.page.heading == "Saisir les codes client et société"

    person.click("Continuer sans les codes")
    page = person.submit(identifier=letter.email or "", password=STRONG)

    assert page.heading == "Profil"
    assert "Ouvrir l'espace" in page.text


def test_who_has_an_account_and_no_codes_gets_a_new_password(world: World) -> None:
    letter, _ = world.member()
    person = world.person()
    person.open("/login?codes=none")
    person.click("Mot de passe oublié")
    person.submit(identifier=letter.email or "")

    person.open(world.link_for(letter.email))
    person.submit(new_password=OTHER_STRONG, confirmation=OTHER_STRONG)
    person.open("/login?codes=none")

    assert person.submit(identifier=letter.email or "", password=OTHER_STRONG).heading == "Profil"


# --- slips of the finger -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "likely"),
    [
        ("lea@gmial.com", "lea@gmail.com"),
        ("lea@gmail.co", "lea@gmail.com"),
        ("lea@gmail.fr", "lea@gmail.com"),
        ("lea@orange.f", "lea@orange.fr"),
        ("lea@wanadoo.com", "lea@wanadoo.fr"),
        ("lea@hotmial.fr", "lea@hotmail.fr"),
        ("lea@laposte.fr", "lea@laposte.net"),
        ("lea@gmail.com", None),
        ("lea@mail.com", None),
        ("lea@exemple.org", None),
        ("lea@agence-des-quais.fr", None),
    ],
)
def test_a_slip_in_the_address_is_seen(typed: str, likely: str | None) -> None:
    assert meant(typed) == likely


def test_a_slip_is_asked_back_once_and_the_likely_address_is_one_click(world: World) -> None:
    letter = world.letter(email=None)
    person = world.person()
    show_letter(person, letter)
    name = letter.identifier.lower()

    page = choose_address(person, f"{name}@gmial.com")
    assert page.status == 400
    assert f"Vouliez-vous dire {name}@gmail.com" in page.text
    assert page.fields["email"]["value"] == f"{name}@gmial.com"
    form = page.form("Oui, utiliser cette adresse")
    person._follow(person.http.post(form.action, data={**form.fields, "email": f"{name}@gmail.com"}))

    assert person.page.fields["username"]["value"] == f"{name}@gmail.com"


def test_a_slip_that_is_meant_is_taken_at_the_second_click(world: World) -> None:
    letter = world.letter(email=None)
    person = world.person()
    show_letter(person, letter)
    address = f"{letter.identifier.lower()}@gmial.com"
    choose_address(person, address)

    page = choose_address(person)

    assert page.fields["username"]["value"] == address


def test_a_slip_in_the_agencys_file_is_asked_about_before_it_is_kept(world: World) -> None:
    letter = world.letter(email="rolande.hoareau@orange.f")
    person = world.person()

    page = show_letter(person, letter)

    assert "Vouliez-vous dire rolande.hoareau@orange.fr" in page.text
    assert page.status == 200
    assert choose_address(person).fields["username"]["value"] == "rolande.hoareau@orange.f"


# --- language ----------------------------------------------------------------------------------------------------------


def test_the_language_is_changed_on_any_page_and_stays_changed(world: World) -> None:
    letter = world.letter()
    person = world.person()
    person.open(f"/login/provisional?{letter.query}")

    form = person.page.form("English")
    page = person._follow(
        person.http.post(form.action, data={**form.fields, "language": "en"}, headers={"Referer": person.page.url})
    )

    assert page.url.endswith(f"/login/provisional?{letter.query}")
    assert 'lang="en"' in page.html
    assert 'lang="en"' in person.open(f"/login?{letter.query}").html
    assert person.page.form("Français")


@pytest.mark.parametrize("referer", [None, "https://evil.example/x", "//evil.example", "javascript:alert(1)"])
def test_the_change_of_language_never_leads_away(world: World, referer: str | None) -> None:
    person = world.person()
    person.open("/help")
    headers = {} if referer is None else {"Referer": referer}

    response = person.http.post("/language", data={"language": "en"}, headers=headers)

    assert (response.status_code, response.headers["location"]) == (303, "/login")


def test_mails_are_written_in_the_language_of_the_page_they_are_asked_from(world: World) -> None:
    letter = world.letter()
    person = world.person(headers={"Accept-Language": "en-GB"})
    show_letter(person, letter)
    choose_address(person)
    choose_password(person)
    person.submit("Send the email again")
    assert [m.subject.split(" - ")[0] for m in world.mails_to(letter.email)] == ["Confirm your email address"] * 2
    person.submit(code=world.code_for(letter.email))

    ask_reset(person, letter)
    assert world.mails_to(letter.email)[-1].subject.startswith("Choose a new password")
    person.open(world.link_for(letter.email))
    person.submit(new_password=OTHER_STRONG, confirmation=OTHER_STRONG)
    assert world.mails_to(letter.email)[-1].subject.startswith("Your password has been changed")


def test_the_portals_language_is_the_mails(world: World) -> None:
    letter = world.letter()
    person = world.person(headers={"Accept-Language": "fr-FR"})
    person.open(world.portal(letter).authorize_url(ui_locales="en"))
    query = person.page.url.split("?", 1)[1]

    show_letter(person, letter, query)
    choose_address(person)
    choose_password(person)

    assert world.mails_to(letter.email)[-1].subject.startswith("Confirm your email address")


# --- several people at one computer ------------------------------------------------------------------------------------


def test_a_portal_that_wants_a_choice_goes_on_with_who_is_there_by_one_click(world: World) -> None:
    letter, account_id = world.member()
    portal = world.portal(letter)
    person = world.signed_in(letter)

    page = person.open(portal.authorize_url(prompt="select_account"))
    assert "Est-ce vous" in page.text
    assert letter.email in page.text
    person.submit("Continuer avec ce compte")

    assert person.sent_to.startswith(portal.redirect_uri)
    tokens = portal.redeem(person.sent_to).json()
    assert claims(tokens["id_token"])["sub"] == account_id


def test_a_portal_that_wants_a_choice_is_not_answered_before_it_is_made(world: World) -> None:
    letter, _ = world.member()
    portal = world.portal(letter)
    person = world.signed_in(letter)
    person.open(portal.authorize_url(prompt="select_account"))
    asked = person.page.url

    for url in (asked, asked.replace("/login?", "/login/continue?")):
        assert person.open(url).path == "/login"
    waiting = asked.split("authorization=")[1].split("&")[0]
    assert person.open(f"/oauth/authorize/{waiting}/continue").path == "/login"


def test_who_is_not_the_one_signed_in_says_so_and_signs_in_for_the_same_portal(world: World) -> None:
    agency = world.agency()
    husband, _ = world.member(agency)
    wife, account_id = world.member(agency)
    portal = world.portal(agency)
    person = world.signed_in(husband)
    person.open(portal.authorize_url(prompt="select_account"))

    page = person.submit("Ce n'est pas moi")
    assert husband.email not in page.text
    person.submit(identifier=wife.email or "", password=STRONG)

    assert claims(portal.redeem(person.sent_to).json()["id_token"])["sub"] == account_id
    assert wife.email in person.open("/profile").text


def test_the_sign_in_of_who_is_not_me_has_ended(world: World) -> None:
    letter, _ = world.member()
    person = world.signed_in(letter)
    before = dict(person.http.cookies)
    person.open(f"/login?{letter.query}")

    person.submit("Ce n'est pas moi")

    person.http.cookies.update(before)
    assert person.open("/profile").path != "/profile"
