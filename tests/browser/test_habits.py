"""How people really use a browser: by keyboard, without scripts, in several tabs, back and again, twice on a button."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.screens import SCREENS, Scene
from tests.browser.visitor import DESKTOP, Visitor
from tests.support.world import STRONG, World

_FOCUSED = """() => {
  const e = document.activeElement, style = getComputedStyle(e);
  return {
    name: e.name || e.innerText.trim() || e.id,
    ring: parseFloat(style.outlineWidth) >= 2 && style.outlineStyle !== 'none',
  };
}"""
_IN_VIEW = """() => {
  const box = document.activeElement.getBoundingClientRect();
  return box.top >= 0 && box.bottom <= innerHeight + 1;
}"""


def tab_to(visitor: Visitor, name: str) -> None:
    """Press the tabulator until the control is reached; each stop on the way can be seen."""
    passed = []
    for _ in range(30):
        visitor.page.keyboard.press("Tab")
        focused = visitor.page.evaluate(_FOCUSED)
        assert focused["ring"], f"the focus on {focused['name']} cannot be seen"
        visitor.page.wait_for_function(_IN_VIEW)
        passed.append(focused["name"])
        if focused["name"].startswith(name):
            return
    raise AssertionError(f"{name} is not reached by keyboard: {passed}")


def type_into(visitor: Visitor, **fields: str) -> None:
    for name, value in fields.items():
        tab_to(visitor, name)
        visitor.page.keyboard.type(value)


def enter(visitor: Visitor) -> None:
    with visitor.page.expect_navigation():
        visitor.page.keyboard.press("Enter")


def test_upgrade_by_keyboard_alone(world: World, visit: Visit) -> None:
    letter = world.letter(email=None)
    visitor = visit(DESKTOP)
    visitor.open(f"/login?{letter.query}")
    tab_to(visitor, "Utilisez cette option")
    enter(visitor)
    type_into(visitor, provisional_identifier=letter.identifier, provisional_password=letter.password)
    enter(visitor)
    email = f"{letter.identifier}@exemple.org".lower()
    type_into(visitor, email=email)
    enter(visitor)
    visitor.sees("Sécuriser mon compte")
    type_into(visitor, new_password=STRONG)
    tab_to(visitor, "Afficher")
    visitor.page.keyboard.press("Space")
    expect(visitor.page.locator("#new_password")).to_have_attribute("type", "text")
    type_into(visitor, confirmation=STRONG)
    tab_to(visitor, "accept_terms")
    visitor.page.keyboard.press("Space")
    tab_to(visitor, "Créer mon compte")
    enter(visitor)
    visitor.sees("Vérifiez votre messagerie")
    type_into(visitor, code=world.code_for(email))
    enter(visitor)

    visitor.sees("Profil")


def test_skip_link_is_first_and_leads_past_the_banner(world: World, visit: Visit) -> None:
    visitor = visit()
    visitor.open(f"/login?{world.agency().query}")

    tab_to(visitor, "Aller au contenu")
    visitor.page.keyboard.press("Enter")

    expect(visitor.page.locator("#main")).to_be_focused()


def test_error_summary_takes_the_focus_and_leads_to_the_field(world: World, visit: Visit) -> None:
    visitor = visit()
    visitor.take_over(Scene(world, visitor).at_email(world.letter()))
    visitor.fill(email="rolande@exemple")
    visitor.press("Continuer")

    expect(visitor.page.get_by_role("alert")).to_be_focused()
    assert visitor.page.title().startswith("Erreur")
    visitor.page.get_by_role("alert").get_by_role("link").click()
    field = visitor.page.get_by_label("Adresse email")
    expect(field).to_be_focused()
    expect(field).to_have_value("rolande@exemple")
    expect(field).to_have_accessible_description(
        "Elle deviendra votre identifiant. Vous devez pouvoir lire vos messages "
        "à cette adresse. Erreur : Cette adresse email n'est pas complète. Format attendu : nom@domaine.fr"
    )


def test_everything_works_without_javascript(world: World, visit: Visit) -> None:
    letter = world.letter()
    visitor = visit(java_script_enabled=False)
    visitor.open(f"/login/provisional?{letter.query}")
    expect(visitor.page.get_by_role("button", name="Afficher")).to_have_count(0)
    visitor.fill(provisional_identifier=letter.identifier, provisional_password=letter.password)
    visitor.press("Continuer")
    visitor.press("Continuer")
    visitor.fill(new_password=STRONG, confirmation=STRONG)
    visitor.page.get_by_role("checkbox").check()
    visitor.press("Créer mon compte")
    visitor.sees("Vérifiez votre messagerie")
    expect(visitor.page.get_by_text("Cette page continuera d'elle-même")).to_be_hidden()
    expect(visitor.page.locator("[name=code]")).to_be_hidden()
    visitor.follow("Saisir le code du message")
    expect(visitor.page.locator("[name=code]")).to_be_visible()
    visitor.page.go_back()
    phone = visit()
    phone.open(world.link_for(letter.email))
    phone.fill(password=STRONG)
    phone.press("Confirmer et me connecter")

    visitor.sees("Votre adresse est confirmée", within=40)  # the page reloads by itself, every twenty seconds
    visitor.press("Continuer")

    visitor.sees("Profil")


def test_two_tabs_finish_each_at_its_own_portal(world: World, visit: Visit) -> None:
    agency = world.agency()
    held, _ = world.member(agency)
    one, two = world.portal(agency), world.portal(agency)
    first = visit()
    second = first.tab()
    first.open(one.authorize_url())
    second.open(two.authorize_url())

    for tab, portal in ((second, two), (first, one)):
        tab.fill(identifier=held.email or "", password=STRONG)
        with tab.leaving_for(portal) as reached:
            tab.button("Connexion").click()

        assert portal.redeem(reached[0]).status_code == 200


def test_back_button_and_another_address(world: World, visit: Visit) -> None:
    letter = world.letter()
    visitor = visit()
    visitor.take_over(Scene(world, visitor).at_email(letter))
    visitor.press("Continuer")
    visitor.page.go_back()
    other = f"autre.{letter.email}"
    visitor.fill(email=other)
    visitor.press("Continuer")
    expect(visitor.page.locator(".address")).to_have_text(other)
    visitor.fill(new_password=STRONG, confirmation=STRONG)
    visitor.page.get_by_role("checkbox").check()
    visitor.press("Créer mon compte")

    visitor.sees("Vérifiez votre messagerie")
    assert world.mails_to(letter.email) == []
    assert len(world.mails_to(other)) == 1


def test_double_click_sends_one_mail(world: World, visit: Visit) -> None:
    letter = world.letter()
    visitor = visit()
    visitor.take_over(Scene(world, visitor).at_password(letter))
    visitor.fill(new_password=STRONG, confirmation=STRONG)
    visitor.page.get_by_role("checkbox").check()

    visitor.button("Créer mon compte").dblclick()

    visitor.sees("Vérifiez votre messagerie")
    assert len(world.mails_to(letter.email)) == 1


def test_page_left_open_without_its_cookie_keeps_what_was_typed(world: World, visit: Visit) -> None:
    held, _ = world.member()
    visitor = visit()
    visitor.open(f"/login?{held.query}")
    visitor.context.clear_cookies()
    visitor.fill(identifier=held.email or "", password=STRONG)
    visitor.press("Connexion")
    expect(visitor.page.get_by_role("alert")).to_contain_text("restée ouverte trop longtemps")
    expect(visitor.page.locator("#identifier")).to_have_value(held.email or "")

    visitor.fill(password=STRONG)
    visitor.press("Connexion")

    visitor.sees("Profil")


def test_terms_open_in_another_tab_and_the_form_keeps_its_words(world: World, visit: Visit) -> None:
    visitor = visit()
    visitor.take_over(Scene(world, visitor).at_password(world.letter()))
    visitor.fill(new_password=STRONG)

    with visitor.context.expect_page() as opened:
        visitor.page.get_by_role("link", name="CGU").click()

    expect(opened.value.get_by_role("heading", level=1)).to_have_text("Conditions générales d'utilisation")
    expect(visitor.page.locator("#new_password")).to_have_value(STRONG)


def test_pages_offer_only_what_helps(world: World, visit: Visit) -> None:
    """An empty form is not lectured about letters, and a letter that is used up is not offered again."""
    visitor = visit()
    SCREENS["login-empty"](Scene(world, visitor))
    expect(visitor.page.locator("main .notice")).to_have_count(0)
    SCREENS["login-with-the-letters-identifier"](Scene(world, visitor))
    expect(visitor.page.locator("main .notice")).to_contain_text("identifiants provisoires d'un courrier")
    SCREENS["letter-used-already"](Scene(world, visitor))
    expect(visitor.page.get_by_role("link", name="Mot de passe oublié")).to_have_count(1)
    expect(visitor.page.get_by_role("link", name="Reprendre avec mon courrier")).to_have_count(0)


def test_a_tab_that_another_one_made_needless_goes_on_when_it_is_looked_at(world: World, visit: Visit) -> None:
    agency = world.agency()
    held, _ = world.member(agency)
    one, two = world.portal(agency), world.portal(agency)
    first = visit()
    second = first.tab()
    first.open(one.authorize_url())
    second.open(two.authorize_url())
    second.fill(identifier=held.email or "", password=STRONG)
    with second.leaving_for(two):
        second.button("Connexion").click()

    with first.leaving_for(one) as reached:
        first.page.bring_to_front()
        first.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    assert one.redeem(reached[0]).status_code == 200


_NAME = """() => {
  const e = document.activeElement;
  const label = e.labels?.[0]?.innerText ?? e.innerText;
  return `${e.tagName.toLowerCase()} ${label.replace(/\\s+/g, ' ').trim()}`;
}"""


@pytest.mark.parametrize(
    ("name", "order"),
    [
        (
            "login",
            [
                "a Aller au contenu",
                "input Identifiant",
                "input Mot de passe",
                "button Afficher le mot de passe : Mot de passe",
                "a Mot de passe oublié ?",
                "button Connexion",
                "a Utilisez cette option",
                "a Besoin d'aide pour se connecter ?",
            ],
        ),
        (
            "letter",
            [
                "a Aller au contenu",
                "input Identifiant provisoire",
                "input Mot de passe provisoire",
                "button Afficher le mot de passe : Mot de passe provisoire",
                "button Continuer",
                "a Connectez-vous",
            ],
        ),
        (
            "password",
            [
                "a Aller au contenu",
                "a Changer d'adresse",
                "input Nouveau mot de passe",
                "button Afficher le mot de passe : Nouveau mot de passe",
                "input Confirmation",
                "button Afficher le mot de passe : Confirmation",
                "input J'accepte les CGU (nouvelle fenêtre) et la politique de confidentialité (nouvelle fenêtre)",
                "a CGU (nouvelle fenêtre)",
                "a politique de confidentialité (nouvelle fenêtre)",
                "button Créer mon compte",
            ],
        ),
        (
            "sent",
            [
                "a Aller au contenu",
                "a Changer d'adresse",
                "input Code reçu",
                "button Valider le code",
                "button Renvoyer l'email",
                "a Revenir à la première étape",
            ],
        ),
        (
            "merge",
            [
                "a Aller au contenu",
                "input Mot de passe",
                "button Afficher le mot de passe : Mot de passe",
                "a Mot de passe oublié ?",
                "button Continuer",
                "button Utiliser une autre adresse",
                "a Plus tard : me connecter sans ajouter cet espace",
            ],
        ),
        ("codes", ["a Aller au contenu", "input Code client", "input Code société", "button Connexion"]),
        (
            "email-unlikely",  # the focus is on the summary of what to look at
            [
                "a Cette adresse a peut-être une faute de frappe.",
                "button Oui, utiliser cette adresse",
                "input Adresse email",
                "button Continuer",
            ],
        ),
        (
            "link",
            [
                "a Aller au contenu",
                "input Mot de passe que vous avez choisi",
                "button Afficher le mot de passe : Mot de passe que vous avez choisi",
                "a Vous l'avez oublié ? Reprenez avec votre courrier",
                "button Confirmer et me connecter",
            ],
        ),
        ("reset", ["a Aller au contenu", "input Identifiant", "button Recevoir le lien", "a Revenir en arrière"]),
        (
            "reset-password",
            [
                "a Aller au contenu",
                "input Nouveau mot de passe",
                "button Afficher le mot de passe : Nouveau mot de passe",
                "input Confirmation",
                "button Afficher le mot de passe : Confirmation",
                "button Réinitialiser le mot de passe",
            ],
        ),
        (
            "profile",
            [
                "a Aller au contenu",
                "a Changement de mot de passe",
                "a Ajoutez ce compte",
                "a Applications autorisées",
                "button Déconnexion",
            ],
        ),
        (
            "profile-password",
            [
                "a Aller au contenu",
                "input Mot de passe actuel",
                "button Afficher le mot de passe : Mot de passe actuel",
                "input Nouveau mot de passe",
                "button Afficher le mot de passe : Nouveau mot de passe",
                "input Confirmation",
                "button Afficher le mot de passe : Confirmation",
                "button Valider le mot de passe",
                "a Annuler",
            ],
        ),
        (
            "login-choose",
            [
                "a Aller au contenu",
                "button Continuer avec ce compte",
                "button Ce n'est pas moi",
                "input Identifiant",
                "input Mot de passe",
            ],
        ),
        (
            "letter-expired",
            ["a Aller au contenu", "button Demander un nouveau courrier à mon agence", "a Se connecter"],
        ),
        ("reset-done", ["a Aller au contenu", "a Se connecter", "a Rester sur cette page"]),
        ("consent", ["a Aller au contenu", "a Ce n'est pas vous ?", "button Autoriser", "button Refuser"]),
        ("sent-refused", ["a Aller au contenu", "a Changer d'adresse", "button Renvoyer l'email"]),
        ("error-not-found", ["a Aller au contenu", "a Se connecter", "a Reprendre avec mon courrier"]),
    ],
)
def test_order_and_names_of_what_the_tabulator_reaches(world: World, visit: Visit, name: str, order: list[str]) -> None:
    visitor = visit()
    SCREENS[name](Scene(world, visitor))

    reached = []
    for _ in order:
        visitor.page.keyboard.press("Tab")
        reached.append(visitor.page.evaluate(_NAME).replace("\u00a0", " "))

    assert reached == order


@pytest.mark.parametrize("name", ["password", "reset-password", "profile-password"])
def test_a_page_that_sets_a_password_names_the_account_for_password_managers(
    world: World, visit: Visit, name: str
) -> None:
    """A manager stores the pair; without the name it would store a password of nobody (Chromium, "password form styles")."""
    visitor = visit()
    SCREENS[name](Scene(world, visitor))
    form = visitor.page.locator("form:has([name=new_password])")

    username = form.locator("[autocomplete=username]")
    expect(username).to_have_count(1)
    expect(username).to_have_value(re.compile(".@exemple.org"))
    expect(username).to_have_attribute("readonly", "")
    expect(form.locator("[autocomplete=new-password]")).to_have_count(2)


@pytest.mark.parametrize("name", ["login", "letter", "password", "sent", "reset-password", "profile-password"])
def test_pasting_is_never_blocked(world: World, visit: Visit, name: str) -> None:
    visitor = visit()
    SCREENS[name](Scene(world, visitor))

    for field in visitor.page.locator("main input:not([type=hidden]):not([type=checkbox]):not([readonly])").all():
        allowed = field.evaluate(
            "e => e.dispatchEvent(new ClipboardEvent('paste', { cancelable: true, bubbles: true }))"
        )
        assert allowed
        expect(field).not_to_have_attribute("maxlength", re.compile("."))


def test_capitals_that_are_locked_are_told_by_the_password_until_they_are_not(world: World, visit: Visit) -> None:
    visitor = visit()
    visitor.open(f"/login?{world.agency().query}")
    field, told = visitor.page.locator("#password"), visitor.page.locator(".caps")
    expect(told).to_be_empty()

    field.dispatch_event("keydown", {"key": "A", "modifierCapsLock": True})
    expect(told).to_have_text("Le verrouillage des majuscules est activé.")
    field.dispatch_event("keyup", {"key": "CapsLock", "modifierCapsLock": False})

    expect(told).to_be_empty()


@pytest.mark.parametrize("name", ["login", "password-while-typing", "login-wrong", "sent"])
def test_pages_are_usable_in_forced_colours(world: World, visit: Visit, name: str) -> None:
    """Windows' high contrast draws its own colours: what is told by a ground colour alone would vanish."""
    visitor = visit(forced_colors="active")
    SCREENS[name](Scene(world, visitor))

    for control in visitor.page.locator(
        "main .button, main input:not(.sr):not([type=hidden]):not([type=checkbox])"
    ).all():
        if control.is_visible():
            assert control.evaluate("e => parseFloat(getComputedStyle(e).borderTopWidth)") >= 1


def test_nothing_moves_for_who_wants_no_motion(world: World, visit: Visit) -> None:
    visitor = visit(reduced_motion="reduce")
    SCREENS["password-while-typing"](Scene(world, visitor))

    moving = "[...document.querySelectorAll('*')].filter(e => getComputedStyle(e).transitionDuration !== '0s' || getComputedStyle(e).animationName !== 'none').length"
    assert visitor.page.evaluate(moving) == 0


def test_the_other_language_keeps_what_was_typed_but_no_secret(world: World, visit: Visit) -> None:
    letter = world.letter(email=None)
    visitor = visit(DESKTOP)
    visitor.open(f"/login/provisional?{letter.query}")
    identifier = visitor.page.locator("[name=provisional_identifier]")
    identifier.fill(letter.identifier)
    visitor.page.locator("[name=provisional_password]").fill("SECRET")
    visitor.page.locator(".reveal-button").click()

    visitor.page.get_by_role("button", name="English").click()

    expect(visitor.page.locator("html")).to_have_attribute("lang", "en")
    expect(identifier).to_have_value(letter.identifier)
    expect(visitor.page.locator("[name=provisional_password]")).to_have_value("")
    assert visitor.page.evaluate("sessionStorage.length") == 0
