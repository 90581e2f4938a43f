"""Source, section IV: a forgotten password, a change of password; and signing out."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from idp.audit.tables import AuditEvent
from idp.texts import Texts
from tests.attacks import attack
from tests.support.acts import ask_reset, sign_in
from tests.support.person import Page, Person
from tests.support.world import OTHER_STRONG, STRONG, Letter, Portal, World


def reset_password(world: World, letter: Letter, person: Person | None = None, new: str = OTHER_STRONG) -> Person:
    person = person or world.person()
    ask_reset(person, letter)
    person.open(world.link_for(letter.email))
    page = person.submit(new_password=new, confirmation=new)
    assert page.heading.startswith("Mot de passe réinitialisé"), page.text
    return person


# --- a. forgotten ------------------------------------------------------------------------------------------------------


def test_a_forgotten_password_is_replaced(world: World) -> None:
    letter, _ = world.member()
    person = world.person()
    person.open(f"/login?{letter.query}")
    person.click("Mot de passe oublié")
    page = person.submit(identifier=letter.email or "")
    assert page.heading == "Vérifiez votre messagerie"
    page = person.open(world.link_for(letter.email))
    assert page.heading == "Réinitialisation du mot de passe"
    page = person.submit(new_password=OTHER_STRONG, confirmation=OTHER_STRONG)

    assert "Votre mot de passe a bien été mis à jour" in page.text
    assert "data-goes-to" in page.html
    page = person.click("Se connecter")
    assert page.path == "/login"
    assert person.submit(identifier=letter.email or "", password=STRONG).status == 400
    assert person.submit(identifier=letter.email or "", password=OTHER_STRONG).heading == "Profil"


def test_the_page_that_leads_on_by_itself_can_be_stopped(world: World) -> None:
    letter, _ = world.member()
    person = reset_password(world, letter)
    assert 'http-equiv="refresh"' in person.page.html

    page = person.click("Rester sur cette page")

    assert "data-goes-to" not in page.html
    assert 'http-equiv="refresh"' not in page.html


@attack("J1")
def test_the_page_is_the_same_for_known_and_unknown_addresses(world: World) -> None:
    letter, _ = world.member()
    known, unknown = world.person(), world.person()

    a, b = ask_reset(known, letter), ask_reset(unknown, letter, f"x{letter.email}")

    assert a.status == b.status == 200
    assert neutral(a, letter.email) == neutral(b, f"x{letter.email}")
    assert not world.mails_to(f"x{letter.email}")


def test_a_provisional_identifier_leads_to_the_letter_known_or_not(world: World) -> None:
    letter = world.letter()
    known, unknown = world.person(), world.person()

    a, b = ask_reset(known, letter, letter.identifier), ask_reset(unknown, letter, "NOBODY")

    assert neutral(a, letter.identifier) == neutral(b, "NOBODY")
    assert a.heading == "Votre mot de passe n'est pas perdu"
    assert known.click("Utiliser mon courrier").path == "/login/provisional"


@attack("J8")
def test_every_session_and_every_refresh_token_ends(world: World) -> None:
    letter, _ = world.member()
    portal = world.portal(letter)
    elsewhere = world.signed_in(letter)
    tokens = tokens_of(portal, elsewhere)
    assert portal.refresh(tokens["refresh_token"]).status_code == 200

    reset_password(world, letter)

    assert elsewhere.open("/profile").path != "/profile"
    tokens = portal.refresh(tokens["refresh_token"])
    assert tokens.status_code == 400
    assert tokens.json()["error"] == "invalid_grant"


def test_the_change_is_told_by_mail(world: World) -> None:
    letter, _ = world.member()

    reset_password(world, letter)

    mail = world.mails_to(letter.email)[-1]
    assert mail.subject.startswith("Votre mot de passe a été modifié")


def test_the_link_works_once_and_then_says_so(world: World) -> None:
    letter, _ = world.member()
    person = world.person()
    ask_reset(person, letter)
    link = world.link_for(letter.email)
    person.open(link)
    person.submit(new_password=OTHER_STRONG, confirmation=OTHER_STRONG)

    page = world.person().open(link)

    assert page.status == 410
    assert page.heading == "Ce lien a déjà servi"


def test_a_newer_request_leaves_the_older_link_working_and_using_one_ends_the_other(world: World) -> None:
    letter, _ = world.member()
    person = world.person()
    ask_reset(person, letter)
    first = world.link_for(letter.email)
    world.clock.advance(minutes=1)
    ask_reset(person, letter)
    second = world.link_for(letter.email)

    person.open(first)
    page = person.submit(new_password=OTHER_STRONG, confirmation=OTHER_STRONG)

    assert page.heading.startswith("Mot de passe réinitialisé")
    assert world.person().open(second).status == 404


def test_the_link_expires_after_a_day(world: World) -> None:
    letter, _ = world.member()
    person = world.person()
    ask_reset(person, letter)
    link = world.link_for(letter.email)

    world.clock.advance(hours=24, minutes=1)

    assert person.open(link).heading == "Ce lien n'est plus valable"


@pytest.mark.parametrize("password", ["Ab1!x", "cheval-bleu-42x", "Cheval-Bleu-xyz", "Motdepasse2026!"])
def test_the_new_password_meets_the_same_criteria(world: World, password: str) -> None:
    letter, _ = world.member()
    person = world.person()
    ask_reset(person, letter)
    person.open(world.link_for(letter.email))

    page = person.submit(new_password=password, confirmation=password)

    assert page.status == 400
    assert "Il manque" in page.errors[0]
    assert sign_in(world.person(), letter).heading == "Profil"


@attack("J15")
def test_without_codes_they_are_asked_first(world: World) -> None:
    letter, _ = world.member()
    person = world.person()

    page = person.open("/reset")
    assert page.heading == "Saisir les codes client et société"
    person.submit(client=letter.client, societe=letter.societe)
    page = person.submit(identifier=letter.email or "")

    assert page.heading == "Vérifiez votre messagerie"


def test_the_portals_request_goes_on_after_the_reset(world: World) -> None:
    letter, _ = world.member()
    portal = world.portal(letter)
    person = world.person()
    person.open(portal.authorize_url())
    person.click("Mot de passe oublié")
    person.submit(identifier=letter.email or "")
    person.open(world.link_for(letter.email))
    person.submit(new_password=OTHER_STRONG, confirmation=OTHER_STRONG)
    person.click("Se connecter")

    person.submit(identifier=letter.email or "", password=OTHER_STRONG)

    assert person.sent_to.startswith(portal.redirect_uri)


@attack("I8")
def test_only_a_few_mails_an_hour_go_to_one_address_and_the_page_does_not_tell(world: World) -> None:
    letter, _ = world.member()
    before = len(world.mails_to(letter.email))
    person = world.person()

    for _ in range(8):
        assert ask_reset(person, letter).heading == "Vérifiez votre messagerie"
        world.clock.advance(minutes=1)

    assert len(world.mails_to(letter.email)) - before == 5


# --- b. changed --------------------------------------------------------------------------------------------------------


def change(person: Person, *, current: str = STRONG, new: str = OTHER_STRONG, again: str | None = None) -> Page:
    person.open("/profile")
    person.click("Changement de mot de passe")
    return person.submit(current_password=current, new_password=new, confirmation=new if again is None else again)


def test_the_password_is_changed_from_the_profile(world: World) -> None:
    letter, _ = world.member()
    person = world.signed_in(letter)

    page = change(person)

    assert "Votre mot de passe a bien été modifié" in page.text
    assert sign_in(world.person(), letter, password=OTHER_STRONG).heading == "Profil"
    assert sign_in(world.person(), letter).status == 400
    assert world.mails_to(letter.email)[-1].subject.startswith("Votre mot de passe a été modifié")


def test_the_profile_tells_the_sign_in_before_this_one(world: World) -> None:
    """So that somebody else's is noticed; the sign-in at hand is not told as if it were another one."""
    held, account_id = world.member()
    first = world.signed_in(held)
    assert "Connexion précédente" not in first.open("/profile").text
    with world.reading() as db:
        signed_in = (AuditEvent.subject == account_id, AuditEvent.name == "login.succeeded")
        at = db.scalars(select(AuditEvent.at).where(*signed_in)).one()
    world.clock.advance(days=3)

    second = world.signed_in(held)

    told = Texts("fr", world.deps.settings.timezone).instant(at)
    assert " ".join(f"Connexion précédente {told}".split()) in second.open("/profile").text
    world.clock.advance(days=-3)


def test_cancelling_leads_back_to_the_profile(world: World) -> None:
    letter, _ = world.member()
    person = world.signed_in(letter)
    person.open("/profile/password")

    assert person.click("Annuler").heading == "Profil"


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"current": "Faux-Mot-99x"}, "pas votre mot de passe actuel"),
        ({"current": ""}, "pas votre mot de passe actuel"),
        ({"new": STRONG}, "le même que l'ancien"),
        ({"new": "abc"}, "Il manque"),
        ({"again": "Autre-Chose-55y"}, "pas identiques"),
    ],
)
def test_a_change_that_cannot_be_made_says_why(world: World, typed: dict[str, str], words: str) -> None:
    letter, _ = world.member()
    person = world.signed_in(letter)

    page = change(person, **typed)

    assert page.status == 400
    assert words in page.errors[0]
    assert sign_in(world.person(), letter).heading == "Profil"


def test_other_browsers_are_signed_out_and_this_one_stays(world: World) -> None:
    letter, _ = world.member()
    here, elsewhere = world.signed_in(letter), world.signed_in(letter)

    change(here)

    assert here.open("/profile").path == "/profile"
    assert elsewhere.open("/profile").path != "/profile"


def test_a_change_of_password_ends_a_reset_that_was_asked_before(world: World) -> None:
    """Whoever reads the mailbox could undo the change for a day with the link of an earlier request."""
    letter, _ = world.member()
    ask_reset(world.person(), letter)
    link = world.link_for(letter.email)

    change(world.signed_in(letter))

    assert world.person().open(link).status == 404


# --- signing out -------------------------------------------------------------------------------------------------------


def test_signing_out_ends_the_session(world: World) -> None:
    letter, _ = world.member()
    person = world.signed_in(letter)
    cookie = person.cookies["session"]
    person.open("/profile")

    page = person.submit("Déconnexion")

    assert page.heading == "Vous êtes déconnecté"
    assert person.open("/profile").path != "/profile"
    thief = world.person(cookies={"session": cookie})
    assert thief.open("/profile").path != "/profile"


def test_signing_out_twice_is_signing_out(world: World) -> None:
    letter, _ = world.member()
    person = world.signed_in(letter)
    person.open("/profile")
    person.send("Déconnexion")

    page = person.submit("Déconnexion")

    assert page.heading == "Vous êtes déconnecté"


def tokens_of(portal: Portal, person: Person) -> dict[str, str]:
    person.open(portal.authorize_url())
    return portal.redeem(person.sent_to).json()  # type: ignore[no-any-return]


def neutral(page: Page, typed: str | None) -> str:
    """A page without what differs by itself: tokens, ids, and the address that was typed."""
    assert typed
    html = page.html.replace(typed, "TYPED")
    html = re.sub(r'(name="csrf_token" value|nonce)="[^"]*"', r'\1=""', html)
    return re.sub(r"/reset/[\w-]{22}/", "/reset/ID/", html)
