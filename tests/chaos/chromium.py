"""The same devices and tabs with Chromium: real history, real double clicks, scripts on or off."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx2 as httpx
from playwright.sync_api import Browser, Error, Request, Response
from playwright.sync_api import Page as ChromiumPage

from idp.digests import Kind
from tests.chaos.browsers import Fields, Tab, Traffic
from tests.chaos.portals import Broken, Portals
from tests.support.person import Form, Page
from tests.support.world import World

_PHONE = {"width": 390, "height": 844}


class ChromiumDevice:
    """A browser profile; the computers are without scripts. broken: what a portal found wrong meanwhile."""

    def __init__(self, browser: Browser, name: str, world: World, portals: Portals, traffic: Traffic) -> None:
        self.name = name
        self.tabs: list[Tab] = []
        self.digests: set[str] = set()
        self.proved: set[str] = set()
        self.portals = portals
        self.traffic = traffic
        self.world = world
        self._browser = browser
        self.context = browser.new_context(
            base_url=world.base, viewport=_PHONE, locale="fr-FR", java_script_enabled="computer" not in name
        )
        self.context.set_default_timeout(15_000)
        self.broken: Broken | None = None

    def tab(self, reader: object) -> Tab:
        tab = ChromiumTab(self, reader, self.context.new_page())
        self.tabs.append(tab)
        return tab

    def cookies(self) -> dict[str, str]:
        return {cookie["name"]: cookie["value"] for cookie in self.context.cookies(self.world.base)}

    def learn(self) -> None:
        key = self.cookies().get("browser")
        if key:
            self.digests.add(self.world.deps.digests.digest(Kind.BROWSER, key))
        if self.broken is not None:
            raise self.broken

    def forget(self, name: str | None = None) -> None:
        self.context.clear_cookies() if name is None else self.context.clear_cookies(name=name)

    def scan(self, paths: list[str]) -> set[str]:
        """One that runs scripts, fills what it finds and presses every button."""
        scanner = self._browser.new_context(base_url=self.world.base)
        page = scanner.new_page()
        for path in paths:
            page.goto(path)
            for number in range(page.locator("form").count()):
                page.goto(path)
                form = page.locator("form").nth(number)
                for field in form.locator("input[type=password], input[type=text]:not([readonly])").all():
                    field.fill("x")
                with page.expect_navigation():
                    form.locator("button[type=submit]").first.click()
        found = {cookie["name"] for cookie in scanner.cookies()}
        scanner.close()
        return found

    def close(self) -> None:
        self.context.close()


class ChromiumTab:
    """A tab. `page` is the document as it was read last: after each act, and whenever the browser asked for another.

    Portals exist by name only: that the browser asks for an address of theirs is all that is needed of them.
    """

    def __init__(self, device: ChromiumDevice, reader: object, page: ChromiumPage) -> None:
        self.device = device
        self.reader = reader
        self.portal: str | None = None
        self._tab = page
        self._status = 200
        self._onward: str | None = None
        self._read: Page | None = None
        page.on("request", self._asks)
        page.on("response", self._answered)
        page.on("dialog", lambda dialog: dialog.accept())

    def _asks(self, request: Request) -> None:
        if not request.is_navigation_request():
            return
        self.portal, self._read = None, None
        self.device.portals.opened(request.url)
        if request.url.startswith(("https://portail-", "http://portail-")):
            self.portal = request.url
            try:  # nothing may be raised in a handler of Playwright: what is broken is told at the next look
                self._onward = self.device.portals.receive(self.device, request.url)
            except AssertionError as broken:
                self.device.broken = Broken(str(broken))

    def _answered(self, response: Response) -> None:
        with contextlib.suppress(Error):
            if response.request.is_navigation_request() and response.status not in (301, 302, 303):
                self._status = response.status

    @property
    def page(self) -> Page:
        if self._read is None:
            html, request = self._content(), httpx.Request("GET", self._tab.url)
            headers = {"content-type": "text/html"}
            self._read = Page(httpx.Response(self._status, text=html, request=request, headers=headers))
        return self._read

    def open(self, url: str) -> None:
        self._settled(lambda: self._tab.goto(url))

    def send(self, form: Form, fields: Fields, *, twice: bool = False) -> None:
        self._read = None
        number = next((n for n, other in enumerate(self.page.forms) if other.action == form.action), None)
        if number is None:
            return  # a script led on while the person was about to click
        self.device.traffic.count(form.action)
        shown = self._tab.locator("form").nth(number)
        for name, value in fields.items():
            field = shown.locator(f"[name={name}]")
            if field.get_attribute("type") == "checkbox":
                field.set_checked(value is not None)
            else:
                field.fill(value or "")
        button = shown.locator("button[type=submit]").first

        def click() -> None:
            with self._tab.expect_navigation():
                button.dblclick() if twice else button.click()

        self._settled(click)

    def back(self, *, kept: bool) -> None:
        self._settled(self._tab.go_back)
        if self._tab.url == "about:blank":  # where every new tab begins
            self._settled(self._tab.go_forward)

    def reload(self) -> None:
        if self.portal is None:
            self._settled(self._tab.reload)

    def close(self) -> None:
        self.device.tabs.remove(self)
        self._tab.close()

    def _settled(self, doing: Callable[[], object]) -> None:
        """Do it, and wait until the tab shows a page again, through portals that send it on."""
        try:
            doing()
        except Error as error:
            if self.portal is None and "ERR_ABORTED" not in error.message and "interrupted" not in error.message:
                raise
        if self.portal is None:
            self._tab.wait_for_load_state("load")
        self._read = None
        self.device.learn()
        if self._onward is not None:
            onward, self._onward = self._onward, None
            self.open(onward)

    def _content(self) -> str:
        for _ in range(20):
            try:
                return self._tab.content()
            except Error:  # it is on its way to another page
                self._tab.wait_for_load_state("load")
        raise AssertionError(f"never settles: {urlsplit(self._tab.url).path}")
