"""The portals with our own provider: what people do between them, at a phone and at a computer."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.demo.conftest import Visit
from tests.demo.running import RunningDemo
from tests.demo.visitor import DESKTOP, NARROW, PHONE

Letters = Callable[..., dict[str, Any]]


@pytest.mark.parametrize(("viewport", "script"), [(PHONE, True), (DESKTOP, False)])
def test_from_the_letter_to_the_profile_and_out_again(
    demo: RunningDemo, visit: Visit, letters: Letters, viewport: tuple[int, int], script: bool
) -> None:
    visitor, letter = visit(viewport, java_script_enabled=script), letters()
    portal = demo.portal("ADB", "TLS01")
    address = visitor.account_at(portal, letter)
    assert visitor.heading() == "Profil"
    facts = visitor.page.locator("dl")
    for shown in (address, "vérifiée", "••••••", re.compile(r"31\d00|31770"), re.compile(r"[PCL]31\d\d")):
        expect(facts).to_contain_text(shown)
    visitor.press("Comptes associés")
    expect(visitor.page.locator("h2").first).to_contain_text("Agence du Capitole")
    visitor.press("Déconnexion")
    visitor.arrives_at(f"{portal}/deconnecte")
    assert "déconnecté" in visitor.heading()
    visitor.press("Se reconnecter")  # the provider's session has ended too: it asks again
    visitor.arrives_at(f"{demo.told['issuer']}/login")
    visitor.sign_in(address)
    visitor.arrives_at(f"{portal}/profil")


def test_two_letters_of_one_person_at_one_agency_become_one_account(demo: RunningDemo, visit: Visit) -> None:
    visitor, portal = visit(), demo.portal("ADB", "TLS01")
    address = visitor.account_at(portal, demo.letter("TLS010103"))
    visitor.press("Comptes associés")
    visitor.press("Ajouter un courrier de cette agence")
    second = demo.letter("TLS010104")
    visitor.page.locator("[name=provisional_identifier]").fill(second["provisional_identifier"])
    visitor.page.locator("[name=provisional_password]").fill(second["provisional_password"])
    visitor.press("Continuer")
    assert visitor.page.locator("[name=email]").input_value() == address
    visitor.press("Continuer")
    assert visitor.heading() == "Fusion de comptes"
    visitor.page.locator("[name=password]").fill("Tilleul-Mauve-82!")
    visitor.press("Continuer")
    assert "Comptes associés" in visitor.heading()
    visitor.press("Continuer")
    visitor.page.goto(f"{portal}/profil")
    visitor.press("Actualiser cette page")
    visitor.arrives_at(f"{portal}/profil")
    for reference in ("P3103", "P3104", "C3105"):
        expect(visitor.page.locator("dl")).to_contain_text(reference)
    visitor.press("Comptes associés")
    expect(visitor.page.locator(".place")).to_have_count(2)


def test_one_sign_in_opens_the_portals_of_other_agencies(demo: RunningDemo, visit: Visit, letters: Letters) -> None:
    visitor = visit()
    visitor.account_at(demo.portal("ADB", "TLS01"), letters())
    other = demo.portal("RESID-SUD", "0042")
    visitor.page.goto(other)
    visitor.press("Se connecter avec Mon compte immobilier")
    visitor.arrives_at(f"{other}/profil")  # nothing was typed
    expect(visitor.page.locator("main")).to_contain_text("Aucun contrat à cette agence")
    expect(visitor.page.locator("main")).not_to_contain_text("Capitole")  # one agency does not see another's


def test_two_tabs_that_sign_in_at_once_both_arrive(demo: RunningDemo, visit: Visit, letters: Letters) -> None:
    first, second = demo.portal("ADB", "TLS01"), demo.portal("ADB", "MTP01")
    visitor = visit(DESKTOP)
    address = visitor.account_at(first, letters())
    visitor.press("Déconnexion")
    visitor.begin_at(first)
    other_tab = visitor.context.new_page()
    other_tab.goto(second)
    visitor.press("Se connecter avec Mon compte immobilier", other_tab)
    third_tab = visitor.context.new_page()
    third_tab.goto(f"{first}/comptes")  # the same portal once more, for another page of it
    visitor.sign_in(address, other_tab)
    visitor.arrives_at(f"{second}/profil", other_tab)
    visitor.sign_in(address)
    visitor.arrives_at(f"{first}/profil")
    visitor.sign_in(address, third_tab)
    visitor.arrives_at(f"{first}/comptes", third_tab)


def test_the_address_of_the_source_leads_to_the_agencys_portal(
    demo: RunningDemo, visit: Visit, letters: Letters
) -> None:
    """Section III: /login?client=…&societe=… without a portal's request; its own portal is started afterwards."""
    letter, visitor = letters("ADB", "MTP01"), visit()
    portal = demo.portal("ADB", "MTP01")
    address = visitor.account_at(portal, letter)
    visitor.press("Déconnexion")
    visitor.page.goto(f"{demo.told['issuer']}/login?client=ADB&societe=MTP01")
    visitor.sign_in(address)
    visitor.arrives_at(f"{portal}/profil")
    expect(visitor.page.locator(".band")).to_contain_text("Agence de la Comédie")


def test_back_to_the_answer_of_the_provider_is_no_dead_end(demo: RunningDemo, visit: Visit, letters: Letters) -> None:
    visitor = visit()
    answers: list[str] = []
    visitor.context.on("request", lambda r: answers.append(r.url) if "/retour?" in r.url else None)
    visitor.account_at(demo.portal("ADB", "TLS01"), letters())
    visitor.page.goto(answers[-1])
    visitor.arrives_at("/profil")
    stranger = visit()
    stranger.page.goto(answers[-1])
    assert stranger.heading() == "La connexion n’a pas abouti"
    stranger.press("Recommencer la connexion")
    stranger.arrives_at("/login")


def test_the_password_is_changed_at_the_provider(demo: RunningDemo, visit: Visit, letters: Letters) -> None:
    visitor = visit()
    visitor.account_at(demo.portal("ADB", "TLS01"), letters())
    visitor.press("Changement de mot de passe")
    visitor.arrives_at(f"{demo.told['issuer']}/profile/password")
    expect(visitor.page.locator("[name=current_password]")).to_be_visible()


def test_the_mail_is_read_in_the_mailbox_and_its_link_opens(demo: RunningDemo, visit: Visit, letters: Letters) -> None:
    visitor = visit(DESKTOP)
    visitor.begin_at(demo.portal("ADB", "TLS01"))
    address = visitor.activate(letters())
    visitor.link_in_mail_to(address)
    visitor.page.goto(demo.told["mailbox"])
    visitor.page.get_by_role("link", name=re.compile(re.escape(address))).first.click()
    expect(visitor.page.locator("pre")).to_contain_text("/upgrade/confirm/")
    with visitor.context.expect_page() as opened:
        visitor.page.frame_locator("iframe").get_by_role("link").first.click()
    expect(opened.value.locator("[name=password]")).to_be_visible()


@pytest.mark.parametrize("viewport", [NARROW, PHONE, DESKTOP])
def test_pages_are_accessible_and_fit(
    demo: RunningDemo, visit: Visit, letters: Letters, viewport: tuple[int, int]
) -> None:
    visitor, portal = visit(viewport), demo.portal("ADB", "TLS01")
    visitor.account_at(portal, letters())
    for address in (
        f"{portal}/",
        f"{portal}/profil",
        f"{portal}/comptes",
        f"{portal}/retour?error=access_denied",
        f"{portal}/nulle-part",
        f"{demo.told['mailbox']}/",
        f"{demo.told['mailbox']}/1",
    ):
        visitor.page.goto(address)
        assert visitor.violations() == [], address
        assert not visitor.scrolls_sideways(), address
    visitor.page.goto(f"{portal}/profil")
    visitor.press("Déconnexion")
    visitor.arrives_at("/deconnecte")
    assert visitor.violations() == []
