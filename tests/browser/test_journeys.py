"""The chapters of the documentation as a person with a modern browser walks them, on a phone and at a computer."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.screens import SCREENS, Scene
from tests.browser.visitor import DESKTOP, PHONE, Visitor
from tests.support.world import OTHER_STRONG, STRONG, Letter, World

both_widths = pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "computer"])
Viewport = tuple[int, int]


def with_the_letter(visitor: Visitor, letter: Letter) -> None:
    """From the page of the letter to the page of the address."""
    visitor.fill(provisional_identifier=letter.identifier, provisional_password=letter.password)
    visitor.press("Continuer")


def up_to_the_mail(visitor: Visitor, letter: Letter, password: str = STRONG) -> None:
    """From the address, which is kept, to the page that waits for the mail."""
    visitor.press("Continuer")
    visitor.fill(new_password=password, confirmation=password)
    visitor.page.get_by_role("checkbox").check()
    visitor.press("Créer mon compte")
    visitor.sees("Vérifiez votre messagerie")


def signed_in(visitor: Visitor, letter: Letter, password: str = STRONG) -> None:
    visitor.open(f"/login?{letter.query}")
    visitor.fill(identifier=letter.email or "", password=password)
    visitor.press("Connexion")


# --- I. upgrade ------------------------------------------------------------------------------------------------------


@both_widths
def test_upgrade_continues_at_the_portal_once_the_link_is_confirmed_on_another_device(
    world: World, visit: Visit, viewport: Viewport
) -> None:
    letter = world.letter()
    portal = world.portal(letter, name="Extranet des Tilleuls")
    here, elsewhere = visit(viewport), visit(PHONE)
    here.open(portal.authorize_url())
    expect(here.page.get_by_text("Vous allez vers : Extranet des Tilleuls")).to_be_visible()
    here.follow("Utilisez cette option")
    expect(here.page.get_by_text("Étape 1 sur 4")).to_be_visible()
    with_the_letter(here, letter)
    expect(here.page.get_by_label("Adresse email")).to_have_value(letter.email or "")
    up_to_the_mail(here, letter)

    with here.leaving_for(portal) as reached:
        elsewhere.open(world.link_for(letter.email))
        elsewhere.fill(password=STRONG)
        elsewhere.press("Confirmer et me connecter")

        elsewhere.sees("Profil")  # never sent to the portal: its request began in the other browser
        expect(elsewhere.page.get_by_text("la page que vous aviez laissée continue d'elle-même")).to_be_visible()
    assert portal.redeem(reached[0]).status_code == 200


@both_widths
def test_upgrade_by_the_code_of_the_mail(world: World, visit: Visit, viewport: Viewport) -> None:
    letter = world.letter()
    visitor = visit(viewport)
    visitor.open(f"/login/provisional?{letter.query}")
    with_the_letter(visitor, letter)
    up_to_the_mail(visitor, letter)

    visitor.fill(code=world.code_for(letter.email))
    visitor.press("Valider le code")

    visitor.sees("Profil")


def test_criteria_are_ticked_while_typing_in_signs_and_in_words(world: World, visit: Visit) -> None:
    visitor = visit()
    visitor.take_over(Scene(world, visitor).at_password(world.letter()))
    lines = visitor.page.locator("#criteria li")
    expect(lines).to_have_count(5)
    expect(visitor.page.locator("#criteria .met")).to_have_count(0)

    visitor.page.get_by_label("Nouveau mot de passe").press_sequentially("Chat1")

    expect(lines.nth(0)).to_have_text(re.compile("Au moins 6 caractères à respecter"))
    for line in (1, 2, 3):
        expect(lines.nth(line)).to_have_class("met")
        expect(lines.nth(line)).to_contain_text("respecté")
    visitor.page.get_by_label("Nouveau mot de passe").press_sequentially("!")
    expect(visitor.page.locator("#criteria .met")).to_have_count(5)
    expect(visitor.page.locator("#criteria-told")).to_have_text("5 critères respectés sur 5")
    visitor.fill(new_password="une phrase de plus de vingt signes")
    expect(lines.nth(1)).to_contain_text("non requis")


def test_confirmation_is_compared_while_typing(world: World, visit: Visit) -> None:
    visitor = visit()
    visitor.take_over(Scene(world, visitor).at_password(world.letter()))
    visitor.fill(new_password=STRONG)
    again, told = visitor.page.get_by_label("Confirmation"), visitor.page.locator("#same")

    again.press_sequentially(STRONG[:4])
    expect(told).to_have_text("")  # right so far: nobody is told of a fault while still typing
    again.press_sequentially("x")
    expect(told).to_have_text("Les deux saisies sont différentes.")
    again.fill(STRONG)
    expect(told).to_have_text("Les deux saisies sont identiques.")


def test_password_is_revealed_on_demand_and_hidden_again(world: World, visit: Visit) -> None:
    visitor = visit()
    letter = world.letter()
    visitor.open(f"/login?{letter.query}")
    visitor.fill(identifier="rolande@exemple.org", password="not this one")
    field = visitor.page.locator("#password")
    shown, hidden = (
        visitor.page.get_by_role("button", name=f"{word} le mot de passe : Mot de passe")
        for word in ("Masquer", "Afficher")
    )

    hidden.click()
    expect(field).to_have_attribute("type", "text")
    expect(field).to_be_focused()
    shown.click()
    expect(field).to_have_attribute("type", "password")
    hidden.click()
    types = "e => { window.typeAtSubmit = e.target.password.type; e.preventDefault(); }"
    visitor.page.evaluate(f"document.forms[0].addEventListener('submit', {types})")
    visitor.button("Connexion").click()

    assert visitor.page.evaluate("window.typeAtSubmit") == "password"


def test_waiting_page_tells_by_itself_that_the_mail_was_refused(world: World, visit: Visit) -> None:
    visitor = visit()
    world.deliver()
    visitor.take_over(Scene(world, visitor).at_sent(world.letter()))

    world.mailbox.answer = "550 no such mailbox"
    world.deliver()

    expect(visitor.page.get_by_text("n'a pas pu être remis")).to_be_visible()
    visitor.follow("Changer d'adresse")
    visitor.sees("Sécuriser mon compte")


def test_waiting_page_tells_by_itself_that_the_mail_is_late_and_then_that_it_left(world: World, visit: Visit) -> None:
    visitor = visit()
    visitor.take_over(Scene(world, visitor).at_sent(world.letter()))
    world.mailbox.answer = "421 4.3.2 shutting down"
    world.deliver()

    world.clock.advance(seconds=31)
    expect(visitor.page.get_by_text("peut prendre quelques minutes")).to_be_visible(timeout=15_000)

    world.mailbox.answer = None
    world.clock.advance(minutes=3)
    world.deliver()
    expect(visitor.page.get_by_text("a été remis à votre messagerie")).to_be_visible(timeout=15_000)


def test_another_mail_is_sent_on_demand_and_the_page_says_so(world: World, visit: Visit) -> None:
    letter = world.letter()
    visitor = visit()
    visitor.take_over(Scene(world, visitor).at_sent(letter))

    visitor.press("Renvoyer l'email")

    expect(visitor.page.get_by_text("Un nouveau message a été demandé")).to_be_visible()
    assert len(world.mails_to(letter.email)) == 2


# --- II. merge -------------------------------------------------------------------------------------------------------


@both_widths
@pytest.mark.parametrize("agencies", [1, 2], ids=["one agency", "two agencies"])
def test_merge(world: World, visit: Visit, viewport: Viewport, agencies: int) -> None:
    first = world.agency(name="Agence des Tilleuls")
    second = world.agency(name="Cabinet Lefèvre") if agencies == 2 else first
    held, _ = world.member(first, contracts=("V1001",))
    letter = world.letter(second, contracts=("V2002",), role="proprietaire")
    visitor = visit(viewport)
    visitor.open(f"/login/provisional?{letter.query}")
    with_the_letter(visitor, letter)
    visitor.fill(email=held.email or "")
    visitor.press("Continuer")
    visitor.sees("Fusion de comptes")
    expect(visitor.page.get_by_text(held.email or "")).to_be_visible()

    visitor.fill(password=STRONG)
    visitor.press("Continuer")

    visitor.sees(re.compile("Comptes associés"))
    expect(visitor.page.locator(".places li")).to_have_text([re.compile("V1001"), re.compile("V2002")])
    visitor.press("Continuer")
    visitor.sees("Profil")
    expect(visitor.page.get_by_role("heading", level=3)).to_have_count(2)


# --- III. codes ------------------------------------------------------------------------------------------------------


@both_widths
def test_codes_page_leads_to_the_agencys_sign_in(world: World, visit: Visit, viewport: Viewport) -> None:
    agency = world.agency(name="Agence des Tilleuls")
    visitor = visit(viewport)
    visitor.open("/")
    visitor.sees("Saisir les codes client et société")

    visitor.fill(client=agency.client.lower(), societe=f" {agency.societe} ")
    visitor.press("Connexion")

    visitor.sees("Mon compte immobilier")
    expect(visitor.page.get_by_role("banner")).to_contain_text("Agence des Tilleuls")


# --- IV. passwords ---------------------------------------------------------------------------------------------------


@both_widths
def test_forgotten_password_and_the_page_that_goes_on_by_itself(world: World, visit: Visit, viewport: Viewport) -> None:
    held, _ = world.member()
    visitor = visit(viewport)
    visitor.page.clock.install()
    visitor.open(f"/login?{held.query}")
    visitor.follow("Mot de passe oublié")
    visitor.fill(identifier=held.email or "")
    visitor.press("Recevoir le lien")
    visitor.sees("Vérifiez votre messagerie")
    visitor.open(world.link_for(held.email))
    visitor.fill(new_password=OTHER_STRONG, confirmation=OTHER_STRONG)
    visitor.press("Réinitialiser le mot de passe")
    visitor.sees(re.compile("Mot de passe réinitialisé"))
    expect(visitor.page.get_by_text("Vous allez être redirigé automatiquement")).to_be_visible()

    with visitor.page.expect_navigation():
        visitor.page.clock.fast_forward(10_000)

    visitor.sees("Mon compte immobilier")
    expect(visitor.page.get_by_text("Votre mot de passe a bien été réinitialisé")).to_be_visible()
    visitor.fill(identifier=held.email or "", password=OTHER_STRONG)
    visitor.press("Connexion")
    visitor.sees("Profil")


def test_page_that_goes_on_by_itself_can_be_stopped(world: World, visit: Visit) -> None:
    scene = Scene(world, visitor := visit())
    held, _ = world.member()
    person = scene.at_reset(held)
    person.open(world.link_for(held.email))
    person.submit(new_password=OTHER_STRONG, confirmation=OTHER_STRONG)
    visitor.page.clock.install()
    visitor.take_over(person)

    visitor.follow("Rester sur cette page")
    visitor.page.clock.fast_forward(120_000)

    visitor.sees(re.compile("Mot de passe réinitialisé"))
    assert visitor.path.endswith("/done")
    visitor.follow("Se connecter")
    visitor.sees("Mon compte immobilier")


@both_widths
def test_password_is_changed_from_the_profile_and_the_person_signs_out(
    world: World, visit: Visit, viewport: Viewport
) -> None:
    held, _ = world.member()
    visitor = visit(viewport)
    signed_in(visitor, held)
    visitor.sees("Profil")
    visitor.follow("Changement de mot de passe")
    visitor.sees("Modification du mot de passe")
    visitor.follow("Annuler")
    visitor.follow("Changement de mot de passe")

    visitor.fill(current_password=STRONG, new_password=OTHER_STRONG, confirmation=OTHER_STRONG)
    visitor.press("Valider le mot de passe")

    visitor.sees("Profil")
    expect(visitor.page.get_by_text("Votre mot de passe a bien été modifié")).to_be_visible()
    visitor.press("Déconnexion")
    visitor.sees("Vous êtes déconnecté")
    signed_in(visitor, held, OTHER_STRONG)
    visitor.sees("Profil")


def test_who_did_not_change_the_password_is_led_to_the_agencys_own_page(world: World, visit: Visit) -> None:
    """The notice is read in a fright: its link must not ask for two codes first."""
    held, _ = world.member(world.agency(name="Agence des Tilleuls"))
    person = world.signed_in(held)
    person.open("/profile/password")
    person.submit(current_password=STRONG, new_password=OTHER_STRONG, confirmation=OTHER_STRONG)
    notice = world.mails_to(held.email)[-1]
    assert "05 62 27 95 30" in notice.text
    visitor = visit()
    visitor.page.set_content(notice.html)

    visitor.follow("Ce n'était pas moi")

    visitor.sees("Mot de passe oublié ?")
    expect(visitor.page.get_by_role("banner")).to_contain_text("Agence des Tilleuls")


@pytest.mark.parametrize("name", ["link-used-already", "reset-link-used-already"])
def test_used_link_leads_to_sign_in_at_the_same_agency(world: World, visit: Visit, name: str) -> None:
    visitor = visit()
    SCREENS[name](Scene(world, visitor))
    visitor.sees("Ce lien a déjà servi")

    visitor.follow("Se connecter")

    visitor.sees("Mon compte immobilier")
    expect(visitor.page.get_by_role("banner")).to_contain_text("Agence des Tilleuls")
