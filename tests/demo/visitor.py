"""A person at Chromium, between a portal, the provider and the mailbox."""

from __future__ import annotations

import json
import re
import urllib.request
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from tests.demo.running import RunningDemo, wait_until

PHONE, DESKTOP, NARROW = (390, 844), (1280, 900), (320, 640)
STRONG = "Tilleul-Mauve-82!"


class Visitor:
    """problems: what no page may do (errors in the console, requests to a third party), as it happened."""

    def __init__(self, demo: RunningDemo, browser: Browser, viewport: tuple[int, int], **options: Any) -> None:
        self.demo = demo
        self.problems: list[str] = []
        size = {"width": viewport[0], "height": viewport[1]}
        self.context = browser.new_context(viewport=size, locale="fr-FR", **options)
        self.context.set_default_timeout(15_000)
        self.context.on("console", self._console)
        self.context.on("request", lambda request: self._request(request.url))
        self.page = self.context.new_page()

    def _console(self, message: ConsoleMessage) -> None:
        # Chromium writes a line for every document that is answered with 4xx, as pages of errors are.
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            self.problems.append(f"console: {message.text}")

    def _request(self, url: str) -> None:
        if not url.startswith(("http://127.0.0.1:", "data:")):
            self.problems.append(f"request to a third party: {url}")

    def heading(self, page: Page | None = None) -> str:
        return (page or self.page).locator("h1").inner_text()

    def press(self, words: str, page: Page | None = None) -> None:
        """A link or a button, by its words."""
        where = page or self.page
        where.get_by_role("button", name=words).or_(where.get_by_role("link", name=words)).first.click()

    def arrives_at(self, address: str, page: Page | None = None) -> None:
        expect(page or self.page).to_have_url(re.compile(re.escape(address)))

    def begin_at(self, portal: str) -> None:
        """From the portal's home to the provider's sign-in page."""
        self.page.goto(portal)
        self.press("Se connecter avec Mon compte immobilier")
        self.arrives_at(f"{self.demo.told['issuer']}/login")

    def sign_in(self, email: str, page: Page | None = None) -> None:
        where = page or self.page
        where.locator("[name=identifier]").fill(email)
        where.locator("[name=password]").fill(STRONG)
        where.locator("form:has([name=password]) button[type=submit]").click()

    def show_letter(self, letter: dict[str, Any]) -> None:
        """From the sign-in page: type what the letter says."""
        self.press("Utilisez cette option")
        self.page.locator("[name=provisional_identifier]").fill(letter["provisional_identifier"])
        self.page.locator("[name=provisional_password]").fill(letter["provisional_password"])
        self.press("Continuer")

    def activate(self, letter: dict[str, Any], email: str | None = None) -> str:
        """From the sign-in page to the page that waits for the mail; returns the address."""
        self.show_letter(letter)
        if email is not None:
            self.page.locator("[name=email]").fill(email)
        address = self.page.locator("[name=email]").input_value()
        self.press("Continuer")
        for name in ("new_password", "confirmation"):
            self.page.locator(f"[name={name}]").fill(STRONG)
        self.page.locator("[name=accept_terms]").check()
        self.press("Créer mon compte")
        expect(self.page.locator("h1")).to_have_text(re.compile("messagerie"))
        return address

    def confirm(self, address: str) -> None:
        """Open the newest mail's link in this tab and type the password."""
        self.page.goto(self.link_in_mail_to(address))
        self.page.locator("[name=password]").fill(STRONG)
        self.page.locator("form:has([name=password]) button[type=submit]").click()

    def account_at(self, portal: str, letter: dict[str, Any], email: str | None = None) -> str:
        """A new account, signed in at the portal; returns its address."""
        self.begin_at(portal)
        address = self.activate(letter, email)
        self.confirm(address)
        self.arrives_at(f"{portal}/profil")
        return address

    def mails_to(self, address: str) -> list[dict[str, Any]]:
        with urllib.request.urlopen(f"{self.demo.told['mailbox']}/messages?to={address}") as answer:
            return list(json.load(answer))

    def link_in_mail_to(self, address: str) -> str:
        assert wait_until(lambda: self.mails_to(address)), f"no mail to {address}"
        found = re.search(r"http://\S+/upgrade/confirm/\S+", self.mails_to(address)[0]["text"])
        assert found is not None
        return found[0]

    def violations(self) -> list[str]:
        """What axe finds wrong with the page, one line each."""
        return [
            f"{v['id']}: {node['html'][:120]}"
            for v in Axe().run(self.page).response["violations"]
            for node in v["nodes"]
        ]

    def scrolls_sideways(self) -> bool:
        return bool(self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))
