"""Chromium's own password manager at the pages (R17): what it fills, and what it offers to keep.

It fills a form for real. Its question "save?" is a bubble of the browser that nobody can click here; that it asks, and
whether for a new password or a changed one, is told by its own diagnostic page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.screens import Scene
from tests.browser.visitor import Visitor
from tests.support import chromium as browsers
from tests.support.world import OTHER_STRONG, STRONG, World

_ASKS, _TO_SAVE, _TO_UPDATE = "Decision: ASK the user", "PENDING_PASSWORD_STATE (", "PENDING_PASSWORD_UPDATE_STATE ("
_PATIENCE = 30_000  # milliseconds: filling is the browser's own doing, some time after a page is there


class Managed(Visitor):
    """A person whose browser has a profile of its own, with its password manager at work."""

    def __init__(self, world: World, browser: Browser, profile: Path) -> None:
        # Told that it is automated, Chromium offers to save nothing.
        self._context = browser.browser_type.launch_persistent_context(
            profile,
            executable_path=browsers.program(),
            args=browsers.ARGUMENTS,
            ignore_default_args=["--enable-automation"],
            base_url=world.base,
            locale="fr-FR",
        )
        super().__init__(world, _Opened(self._context), (1280, 900))
        self._log = self.context.new_page()
        self._log.goto("chrome://password-manager-internals")
        self.page.bring_to_front()

    def saves(self, username: str, password: str) -> None:
        """In the manager's own page, as a person adds what is on a slip of paper."""
        page = self.context.new_page()
        page.goto("chrome://password-manager/passwords")
        page.locator("#addPasswordButton").click()
        dialog = page.locator("add-password-dialog")
        dialog.locator("#websiteInput input").fill(self.world.base)
        dialog.locator("#usernameInput input").fill(username)
        dialog.locator("#passwordInput input").fill(password)
        dialog.locator("#addButton").click()
        expect(page.get_by_text("127.0.0.1").first).to_be_visible()
        page.close()
        self.page.bring_to_front()

    def finds(self, name: str, value: str) -> None:
        """A field that nobody has typed in holds this. Scripts see it once the person has touched the page."""
        self.page.locator("h1").click()
        expect(self._field(name)).to_have_value(value, timeout=_PATIENCE)

    def is_asked_once(self, which: str) -> None:
        """The browser has asked to keep a password, of one form among those that were sent."""
        log = self._log.locator("body")
        expect(log).to_contain_text(re.compile(f"{_ASKS}.*{re.escape(which)}", re.DOTALL), timeout=_PATIENCE)
        assert log.inner_text().count(_ASKS) == 1

    def _field(self, name: str) -> Locator:
        return self.page.locator(f"[name={name}]")


class _Opened:
    """The one context of a profile, where a visitor makes a new one."""

    def __init__(self, context: Any) -> None:
        self._context = context

    def new_context(self, *, viewport: Any, **_options: Any) -> Any:
        page: Page = self._context.pages[0]
        page.set_viewport_size(viewport)
        return self._context


@pytest.fixture
def managed(world: World, chromium: Browser, tmp_path: Path) -> Iterator[Managed]:
    visitor = Managed(world, chromium, tmp_path / "profile")
    yield visitor
    visitor.close()


def test_the_manager_signs_in_with_what_it_has_saved(world: World, managed: Managed) -> None:
    held, _ = world.member()
    managed.saves(held.email or "", STRONG)
    managed.open(f"/login?{held.query}")
    managed.finds("identifier", held.email or "")
    managed.finds("password", STRONG)

    managed.press("Connexion")

    managed.sees("Profil")


def test_the_manager_knows_the_password_to_change_and_asks_to_keep_the_new_one(world: World, managed: Managed) -> None:
    held, _ = world.member()
    managed.saves(held.email or "", STRONG)
    managed.take_over(world.signed_in(held), "/profile/password")
    managed.finds("current_password", STRONG)
    expect(managed.page.locator("[name=new_password]")).to_have_value("")
    expect(managed.page.locator("[name=confirmation]")).to_have_value("")
    managed.fill(new_password=OTHER_STRONG, confirmation=OTHER_STRONG)

    managed.press("Valider le mot de passe")

    managed.sees("Profil")
    managed.is_asked_once(_TO_UPDATE)


def test_the_manager_asks_to_keep_the_password_that_was_set_by_a_mailed_link(world: World, managed: Managed) -> None:
    held, _ = world.member()
    managed.saves(held.email or "", STRONG)
    Scene(world, managed).at_reset(held)
    managed.open(world.link_for(held.email))
    managed.fill(new_password=OTHER_STRONG, confirmation=OTHER_STRONG)

    managed.press("Réinitialiser le mot de passe")

    managed.is_asked_once(_TO_UPDATE)


def test_the_manager_keeps_the_new_accounts_password_and_leaves_the_letters_alone(
    world: World, managed: Managed
) -> None:
    """A letter is used once: its form is neither filled with an account's password, nor is what is typed there kept."""
    held, _ = world.member()
    letter = world.letter()
    managed.saves(held.email or "", STRONG)
    managed.open(f"/login?{held.query}")
    managed.finds("password", STRONG)
    managed.open(f"/login/provisional?{letter.query}")
    managed.page.locator("h1").click()
    for name in ("provisional_identifier", "provisional_password"):
        expect(managed.page.locator(f"[name={name}]")).to_have_value("")
    managed.fill(provisional_identifier=letter.identifier, provisional_password=letter.password)
    managed.press("Continuer")
    managed.press("Continuer")
    managed.fill(new_password=OTHER_STRONG, confirmation=OTHER_STRONG)
    managed.page.get_by_role("checkbox").check()

    managed.press("Créer mon compte")

    managed.sees("Vérifiez votre messagerie")
    managed.is_asked_once(_TO_SAVE)
