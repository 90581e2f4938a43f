"""A person at Chromium. Whatever a page must never do (errors in the console, requests to others) is kept as a problem."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Error, Locator, Page, Request, Response, expect

from tests.support.person import Person
from tests.support.world import Portal, World

PHONE = (390, 844)
DESKTOP = (1280, 900)
NARROW = (320, 640)
_PORTAL = re.compile(r"^https://portail-[^/]+/")


class Visitor:
    """One browser profile with one page open. `problems`: what no page may do, as it happened."""

    def __init__(self, world: World, browser: Browser, viewport: tuple[int, int], **options: Any) -> None:
        self.world = world
        self.problems: list[str] = []
        width, height = viewport
        self.context = browser.new_context(
            base_url=world.base, viewport={"width": width, "height": height}, **{"locale": "fr-FR", **options}
        )
        self.context.set_default_timeout(10_000)
        self.context.on("console", self._console)
        self.context.on("weberror", lambda error: self.problems.append(f"script: {error.error}"))
        self.context.on("request", self._request)
        self.html = ""  # of the page, as it was sent
        self.bytes: dict[str, int] = {}  # of each file that was sent, by its address
        self.context.on("response", self._response)
        self.page = self.context.new_page()

    # --- what may not happen -----------------------------------------------------------------------------------------

    def _console(self, message: ConsoleMessage) -> None:
        # Chromium writes a line for every document that is answered with 4xx, as the pages of errors are.
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            self.problems.append(f"console: {message.text}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self.world.base, "data:")) and not _PORTAL.match(request.url):
            self.problems.append(f"request to a third party: {request.url}")

    def _response(self, response: Response) -> None:
        if response.url.startswith(self.world.base) and not 300 <= response.status < 400:
            with suppress(Error):  # a page that was left meanwhile
                body = response.body()
                self.bytes[response.url] = len(body)
                if response.request.is_navigation_request():
                    self.html = body.decode()

    # --- what a person does ------------------------------------------------------------------------------------------

    def open(self, path: str) -> Page:
        self.page.goto(path)
        return self.page

    def take_over(self, person: Person, path: str | None = None) -> Page:
        """Go on where somebody without Chromium was: the same cookies, the same page or this one. Saves time in a test."""
        self.context.add_cookies(
            [{"name": c.name, "value": c.value or "", "url": self.world.base} for c in person.http.cookies.jar]
        )
        return self.open(path or person.page.url)

    def tab(self) -> Visitor:
        """Another tab of the same browser."""
        other = copy.copy(self)
        other.page = self.context.new_page()
        return other

    def fill(self, **fields: str) -> None:
        for name, value in fields.items():
            self.page.locator(f"[name={name}]").fill(value)

    def press(self, words: str) -> None:
        """Press a button of a form, and wait for the page that answers."""
        with self.page.expect_navigation():
            self.button(words).click()

    @contextmanager
    def leaving_for(self, portal: Portal) -> Iterator[list[str]]:
        """What is done inside leads on to the portal, which exists by name only: the address is kept in the list."""
        reached: list[str] = []
        with self.page.expect_request(lambda request: request.url.startswith(portal.redirect_uri)) as asked:
            yield reached
        reached.append(asked.value.url)

    def follow(self, words: str) -> None:
        with self.page.expect_navigation():
            self.page.get_by_role("link", name=words, exact=False).first.click()

    def button(self, words: str) -> Locator:
        return self.page.get_by_role("button", name=words, exact=True)

    def sees(self, heading: str | re.Pattern[str], *, within: float = 10) -> None:
        """The page with this heading is shown, now or within the patience of a person."""
        expect(self.page.get_by_role("heading", level=1)).to_have_text(heading, timeout=within * 1000)

    @property
    def path(self) -> str:
        return urlsplit(self.page.url).path

    def size(self, viewport: tuple[int, int]) -> None:
        self.page.set_viewport_size({"width": viewport[0], "height": viewport[1]})

    def forget(self) -> None:
        """As a fresh profile, without the time that a new one costs."""
        self.context.clear_cookies()
        self.page.goto("about:blank")
        self.problems.clear()

    def close(self) -> None:
        self.context.close()
