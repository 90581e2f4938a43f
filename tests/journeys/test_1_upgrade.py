"""Source, section I: from the letter to the strong account, over HTTP without JavaScript."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from idp.accounts.tables import Account
from idp.terms import store as terms
from idp.terms.tables import Terms, TermsAcceptance
from tests.attacks import attack
from tests.support.acts import ask_for_account, choose_address, choose_password, confirm, show_letter, sign_in
from tests.support.person import Person
from tests.support.world import OTHER_STRONG, STRONG, Letter, World


def at_password(world: World, letter: Letter | None = None) -> Person:
    person = world.person()
    show_letter(person, letter or world.letter())
    choose_address(person)
    return person


def test_a_letter_becomes_a_strong_account(world: World) -> None:
    letter = world.letter()
    person = world.person()

    page = person.open(f"/login/provisional?{letter.query}")
    assert "transmis par votre agence" in page.text
    page = person.submit(provisional_identifier=letter.identifier, provisional_password=letter.password)
    assert page.fields["email"]["value"] == letter.email
    page = person.submit("Continuer")
    assert "Au moins 6 caractères" in page.text
    page = person.submit(new_password=STRONG, confirmation=STRONG, accept_terms="yes")
    assert page.heading == "Vérifiez votre messagerie"
    person.open(world.link_for(letter.email))
    page = person.submit(password=STRONG)

    assert page.heading == "Profil"
    assert "HOAREAU" in page.text


# --- the letter --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed",
    [lambda i: i.lower(), lambda i: f"  {i} ", lambda i: f"{i[:3]} {i[3:]}", lambda i: f"{i[:3]}-{i[3:]}"],
    ids=["small letters", "spaces around", "a space within", "a dash within"],
)
def test_the_identifier_may_be_copied_loosely(world: World, typed) -> None:  # type: ignore[no-untyped-def]
    letter = world.letter()
    person = world.person()
    person.open(f"/login/provisional?{letter.query}")

    page = person.submit(provisional_identifier=typed(letter.identifier), provisional_password=letter.password)

    assert page.heading == "Sécuriser mon compte"


def test_wrong_credentials_are_told_by_the_field_and_the_identifier_stays(world: World) -> None:
    letter = world.letter()
    person = world.person()

    page = show_letter(person, letter, password="wrong")

    assert page.status == 400
    assert "n'est pas correct" in page.errors[0]
    assert page.fields["provisional_identifier"]["value"] == letter.identifier


@pytest.mark.parametrize("missing", ["provisional_identifier", "provisional_password"])
def test_a_missing_credential_is_asked_for_by_its_name(world: World, missing: str) -> None:
    letter = world.letter()
    person = world.person()
    person.open(f"/login/provisional?{letter.query}")
    typed = {"provisional_identifier": letter.identifier, "provisional_password": letter.password, missing: ""}

    page = person.submit(**typed)

    assert page.status == 400
    assert page.fields[missing]["aria-invalid"] == "true"


@attack("I10")
def test_a_letters_credentials_sign_nobody_in(world: World) -> None:
    letter = world.letter()
    person = world.person()

    show_letter(person, letter)

    assert "session" not in person.cookies
    assert person.open("/profile").path != "/profile"


@attack("H1")
def test_a_letter_of_another_agency_is_not_known_here(world: World) -> None:
    letter, elsewhere = world.letter(), world.agency()
    person = world.person()

    page = show_letter(person, letter, query=elsewhere.query)

    assert page.status == 400
    assert "n'est pas correct" in page.errors[0]


def test_an_expired_letter_says_so_to_who_holds_it_only(world: World) -> None:
    letter = world.letter(expires_at=world.clock())
    person = world.person()

    assert "n'est pas correct" in show_letter(person, letter, password="wrong").errors[0]
    page = show_letter(person, letter)

    assert page.heading == "Ce courrier a expiré"
    assert page.status == 410


# --- the address -------------------------------------------------------------------------------------------------------


def test_the_suggested_address_may_be_replaced(world: World) -> None:
    letter = world.letter()
    person = ask_for_account(world, letter, email=f"autre.{letter.email}")

    page = confirm(world, person, f"autre.{letter.email}")

    assert f"autre.{letter.email}" in page.text
    assert not world.mails_to(letter.email)


def test_without_a_suggestion_the_address_is_asked_for(world: World) -> None:
    letter = world.letter(email=None)
    person = world.person()

    page = show_letter(person, letter)

    assert page.fields["email"]["value"] == ""
    assert choose_address(person, "").fields["email"]["aria-invalid"] == "true"
    assert choose_address(person, f"{letter.id}@exemple.org").path.endswith("/password")


@pytest.mark.parametrize(
    "typed",
    ["léa", "lea@", "@exemple.org", "lea@exemple", "lea exemple.org", "lea@exemple..org", "a@b@c.org", "x" * 300],
)
def test_what_is_no_address_is_shown_again_with_the_reason(world: World, typed: str) -> None:
    person = world.person()
    show_letter(person, world.letter())

    page = choose_address(person, typed)

    assert page.status == 400
    assert "Format attendu" in page.errors[0]
    assert page.fields["email"]["value"] == typed


def test_only_a_few_different_addresses_a_day_may_be_tried_with_a_letter(world: World) -> None:
    """Each address that leads to merge tells that somebody has an account."""
    letter = world.letter()
    person = world.person()
    page = show_letter(person, letter)
    path = page.path
    for number in range(5):
        assert choose_address(person, f"essai{number}.{letter.email}").status == 200
        person.open(path)

    page = choose_address(person, f"essai9.{letter.email}")

    assert page.status == 429
    assert "Gardez la dernière" in page.errors[0]
    world.clock.advance(days=1, minutes=1)
    assert choose_address(person, f"essai9.{letter.email}").path.endswith("/password")


# --- the password and the terms ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("Ab1!x", "assez de caractères"),
        ("cheval-bleu-42x", "une majuscule"),
        ("CHEVAL-BLEU-42X", "une minuscule"),
        ("Cheval-Bleu-xyz", "un chiffre"),
        ("ChevalBleu42xyz", "un caractère spécial"),
        ("Motdepasse2026!", "difficile à deviner"),
        ("Hoareau1!", "difficile à deviner"),
    ],
)
def test_each_criterion_that_is_not_met_is_named(world: World, password: str, words: str) -> None:
    person = at_password(world)

    page = choose_password(person, password)

    assert page.status == 400
    assert words in page.errors[0]
    assert page.fields["accept_terms"].get("checked", "no") != "no", "the terms stay accepted"


def test_a_long_phrase_needs_no_classes(world: World) -> None:
    person = at_password(world)

    page = choose_password(person, "trois canards verts dans la mare")

    assert page.path.endswith("/sent")


def test_two_different_passwords_are_refused(world: World) -> None:
    person = at_password(world)

    page = person.submit(new_password=STRONG, confirmation=OTHER_STRONG, accept_terms="yes")

    assert page.status == 400
    assert "pas identiques" in page.errors[0]


@attack("H11")
def test_nothing_is_mailed_before_the_terms_are_accepted(world: World) -> None:
    letter = world.letter()
    person = at_password(world, letter)

    page = person.submit(new_password=STRONG, confirmation=STRONG)

    assert page.status == 400
    assert "J'accepte les CGU" in page.errors[0]
    assert not world.mails_to(letter.email)


def test_the_terms_can_be_read_before_they_are_accepted(world: World) -> None:
    person = at_password(world)

    page = person.open(person.page.link("CGU"))

    assert "Les présentes conditions" in page.text


@attack("H11")
def test_which_version_of_the_terms_was_accepted_is_kept(world: World) -> None:
    letter = world.letter()
    with world.transaction() as db:
        number = terms.publish(
            db, terms_id=world.deps.new_id(), terms_of_use="# Deux", privacy_policy="# Deux", now=world.clock()
        )
    person = ask_for_account(world, letter)

    confirm(world, person, letter.email)

    with world.reading() as db:
        accepted = db.execute(
            select(Terms.version)
            .join(TermsAcceptance, TermsAcceptance.terms_id == Terms.id)
            .join(Account, Account.id == TermsAcceptance.account_id)
            .where(Account.email == letter.email)
        ).scalars()
        assert list(accepted) == [number]


# --- the mail ----------------------------------------------------------------------------------------------------------


def test_the_mail_is_the_agencys_and_says_until_when_it_works(world: World) -> None:
    agency = world.agency(name="Agence des Quais")
    letter = world.letter(agency)
    ask_for_account(world, letter)

    mail = world.mails_to(letter.email)[-1]

    assert mail.subject == "Confirmez votre adresse email - Agence des Quais"
    assert "Agence des Quais" in str(mail.message["From"])
    assert "fonctionnent jusqu'au" in mail.text
    assert mail.message["Auto-Submitted"] == "auto-generated"


def test_the_mailed_code_confirms_on_the_waiting_page_without_a_password(world: World) -> None:
    letter = world.letter()
    person = ask_for_account(world, letter)

    page = person.submit(code=world.code_for(letter.email))

    assert page.heading == "Profil"


@pytest.mark.parametrize("typed", ["", "1234", "0000 0000", "abcdefgh"])
def test_a_wrong_code_is_told_and_another_may_be_typed(world: World, typed: str) -> None:
    letter = world.letter()
    person = ask_for_account(world, letter)

    page = person.submit(code=typed)

    assert page.status == 400
    assert page.errors
    assert person.submit(code=world.code_for(letter.email).replace(" ", "")).heading == "Profil"


def test_a_mail_that_is_sent_again_leaves_the_first_one_working(world: World) -> None:
    letter = world.letter()
    person = ask_for_account(world, letter)
    first = world.link_for(letter.email)

    page = person.submit("Renvoyer l'email")

    assert page.heading == "Vérifiez votre messagerie"
    assert len(world.mails_to(letter.email)) == 2
    assert world.link_for(letter.email) != first
    person.open(first)
    assert person.submit(password=STRONG).heading == "Profil"


@attack("I8")
def test_after_several_mails_the_page_says_from_when_another_may_be_asked(world: World) -> None:
    letter = world.letter()
    person = ask_for_account(world, letter)
    for _ in range(4):
        person.submit("Renvoyer l'email")

    page = person.reload()

    assert "à partir du" in page.text
    assert "Renvoyer l'email" not in page.text
    assert len(world.mails_to(letter.email)) == 5
    world.clock.advance(hours=1, minutes=1)
    assert "Renvoyer l'email" in person.reload().text


def test_another_password_than_the_chosen_one_does_not_confirm(world: World) -> None:
    letter = world.letter()
    person = ask_for_account(world, letter)

    page = confirm(world, person, letter.email, OTHER_STRONG)

    assert page.status == 400
    assert "pas le mot de passe que vous avez choisi" in page.errors[0]
    assert person.submit(password=STRONG).heading == "Profil"


def test_a_refused_mail_is_shown_on_the_waiting_page(world: World) -> None:
    letter = world.letter()
    person = ask_for_account(world, letter)
    world.mailbox.answer = "550 5.1.1 no such user"

    world.deliver()

    assert "n'a pas pu être remis" in person.reload().text


# --- the first step again, and coming back -----------------------------------------------------------------------------


def test_going_back_to_the_first_step_asks_the_letter_again_and_starts_anew(world: World) -> None:
    """Source: "revenir à la 1ère étape […] les identifiant et mot de passe provisoires seront nécessaires pour relancer
    l'activation du compte". Whoever forgot the password chosen a minute ago, or mistyped the address, needs this."""
    letter = world.letter()
    person = ask_for_account(world, letter)

    page = person.click("Revenir à la première étape")
    assert "transmis par votre agence" in page.text
    page = person.submit(provisional_identifier=letter.identifier, provisional_password=letter.password)
    assert page.path.endswith("/email")
    assert page.fields["email"]["value"] == letter.email
    choose_address(person)
    choose_password(person, OTHER_STRONG)

    assert confirm(world, person, letter.email, OTHER_STRONG).heading == "Profil"


def test_coming_back_days_later_resumes_where_it_was_left(world: World) -> None:
    letter = world.letter()
    person = world.person()
    show_letter(person, letter)
    choose_address(person, f"autre.{letter.email}")
    world.clock.advance(days=3)

    page = show_letter(person, letter)

    assert page.path.endswith("/password")
    assert f"autre.{letter.email}" in page.html


def test_coming_back_in_another_browser_resumes_and_asks_the_chosen_password_with_the_code(world: World) -> None:
    letter = world.letter()
    ask_for_account(world, letter)
    elsewhere = world.person()

    page = show_letter(elsewhere, letter)
    assert page.heading == "Vérifiez votre messagerie"
    code = world.code_for(letter.email)
    assert elsewhere.submit(code=code, password=OTHER_STRONG).status == 400
    page = elsewhere.submit(code=code, password=STRONG)

    assert page.heading == "Profil"


def test_the_code_of_the_first_mail_is_accepted_after_coming_back(world: World) -> None:
    """The letter was typed again while a mail was under way: the code was only looked up on the page that asked for it,
    so the code in the person's hand was "not the right one" on the page that asked for a code."""
    letter = world.letter()
    person = ask_for_account(world, letter)
    show_letter(person, letter)

    page = person.submit(code=world.code_for(letter.email))

    assert page.heading == "Profil"


def test_after_the_end_the_letter_says_that_the_account_is_up_to_date(world: World) -> None:
    letter = world.letter()
    person = ask_for_account(world, letter)
    confirm(world, person, letter.email)
    elsewhere = world.person()

    page = show_letter(elsewhere, letter)

    assert page.heading == "Ce compte est déjà à jour"
    assert page.status == 409
    elsewhere.click("Se connecter")
    assert elsewhere.submit(identifier=letter.email or "", password=STRONG).heading == "Profil"


def test_the_new_account_signs_in_with_its_address_in_any_case(world: World) -> None:
    letter, _ = world.member()
    person = world.person()
    person.open(f"/login?{letter.query}")
    assert letter.email

    page = person.submit(identifier=f" {letter.email.upper()} ", password=STRONG)

    assert page.heading == "Profil"


def test_the_letters_credentials_do_not_open_the_sign_in_and_the_page_says_what_does(world: World) -> None:
    letter = world.letter()
    person = world.person()
    person.open(f"/login?{letter.query}")

    page = person.submit(identifier=letter.identifier, password=letter.password)

    assert page.status == 400
    assert "identifiants provisoires d'un courrier" in page.text


def test_the_new_account_continues_to_the_portal_that_asked(world: World) -> None:
    letter = world.letter()
    portal = world.portal(letter)
    person = world.person()
    person.open(portal.authorize_url())
    person.click("Utilisez cette option")
    person.submit(provisional_identifier=letter.identifier, provisional_password=letter.password)
    choose_address(person)
    choose_password(person)

    confirm(world, person, letter.email)

    assert person.sent_to.startswith(portal.redirect_uri)
    assert portal.redeem(person.sent_to).status_code == 200


def test_signing_in_afterwards_continues_to_the_portal_that_asked(world: World) -> None:
    letter, _ = world.member()
    portal = world.portal(letter)
    person = world.person()
    person.open(portal.authorize_url())

    person.submit(identifier=letter.email or "", password=STRONG)

    assert person.sent_to.startswith(portal.redirect_uri)


def test_without_a_portals_request_the_agencys_portal_is_started(world: World) -> None:
    letter, _ = world.member()
    portal = world.portal(letter, default_portal=True)
    person = world.person()

    sign_in(person, letter)

    assert person.sent_to.startswith(portal.redirect_uri.replace("/retour", "/connexion"))
    assert "iss=" in person.sent_to
