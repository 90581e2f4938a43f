"""Browsers as people use them: devices with tabs. Here over plain HTTP; `chromium.py` has the same with Chromium."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urljoin, urlsplit

import httpx2 as httpx

from idp.digests import Kind
from tests.chaos.portals import Portals
from tests.support.person import Form, Page, Person, house_rules
from tests.support.world import World

Fields = dict[str, str | None]


class Tab(Protocol):
    """One tab. page: what it shows; portal: the portal's address it is at, None at the provider.

    reader: the person whose tab it is; nobody types in another one's tab.
    """

    device: Device
    reader: object
    page: Page
    portal: str | None

    def open(self, url: str) -> None: ...
    def send(self, form: Form, fields: Fields, *, twice: bool = False) -> None: ...
    def back(self, *, kept: bool) -> None: ...
    def reload(self) -> None: ...
    def close(self) -> None: ...


class Device(Protocol):
    """One browser. digests: of all browser keys it ever had; proved: who typed a secret here (people's names).

    scan: what the mail scanner of such people does with links: a browser of its own, whose cookies' names it returns.
    """

    name: str
    tabs: list[Tab]
    digests: set[str]
    proved: set[str]

    def tab(self, reader: object) -> Tab: ...
    def cookies(self) -> dict[str, str]: ...
    def forget(self, name: str | None = None) -> None: ...
    def scan(self, paths: list[str]) -> set[str]: ...
    def close(self) -> None: ...


class Traffic:
    """How often each kind of form was sent on purpose: reloads, second clicks and lost answers are no purposes."""

    def __init__(self) -> None:
        self.sent: Counter[str] = Counter()

    def count(self, action: str) -> None:
        parts = urlsplit(action).path.strip("/").split("/")
        self.sent["/".join([parts[0], parts[-1]] if len(parts) > 2 and parts[1] != "confirm" else parts[:2])] += 1


@dataclass
class Shown:
    """An entry of a tab's history. posted: what was sent to get it, when that was a form."""

    page: Page
    portal: str | None
    posted: tuple[str, Fields] | None


class HttpDevice:
    """A browser without JavaScript."""

    def __init__(self, name: str, world: World, portals: Portals, traffic: Traffic) -> None:
        self.name = name
        self.tabs: list[Tab] = []
        self.digests: set[str] = set()
        self.proved: set[str] = set()
        self.portals = portals
        self.traffic = traffic
        self._world = world
        self.person: Person = world.person()

    def tab(self, reader: object) -> Tab:
        tab = HttpTab(self, reader)
        self.tabs.append(tab)
        return tab

    def cookies(self) -> dict[str, str]:
        return dict(self.person.http.cookies)

    def learn(self) -> None:
        """Note the browser key that the device has now."""
        key = self.person.http.cookies.get("browser")
        if key:
            self.digests.add(self._world.deps.digests.digest(Kind.BROWSER, key))

    def forget(self, name: str | None = None) -> None:
        if name is None:
            self.person.http.cookies.clear()
        elif name in self.person.http.cookies:
            self.person.http.cookies.delete(name)

    def scan(self, paths: list[str]) -> set[str]:
        scanner = self._world.person()
        for path in paths:
            scanner.http.head(path)
            page = Page(scanner.http.get(path))
            for form in page.forms:
                scanner.http.post(form.action, data=form.fields)
                scanner.http.post(form.action, data={**form.fields, "password": "x", "new_password": "", "code": "1"})
        found = set(scanner.http.cookies)
        scanner.http.close()
        return found

    def close(self) -> None:
        self.person.http.close()


class HttpTab:
    """A tab over HTTP: history, and pages kept as they were or fetched anew, as browsers do."""

    def __init__(self, device: HttpDevice, reader: object) -> None:
        self.device = device
        self.reader = reader
        self._history: list[Shown] = []

    @property
    def page(self) -> Page:
        return self._history[-1].page

    @property
    def portal(self) -> str | None:
        return self._history[-1].portal

    def open(self, url: str) -> None:
        self._arrive(self._get(url), None)

    def send(self, form: Form, fields: Fields, *, twice: bool = False) -> None:
        data = {**form.fields, **fields}
        self.device.traffic.count(form.action)
        if twice:
            # The browser drops the first answer, and with it the cookies it would have set.
            with httpx.Client(cookies=self.device.cookies(), timeout=30, verify=False) as lost:
                lost.post(form.action, data=_sent(data))
        self._post(form.action, data)

    def back(self, *, kept: bool) -> None:
        if len(self._history) > 1:
            self._history.pop()
            if not kept:
                self.reload()

    def reload(self) -> None:
        last = self._history.pop()
        if last.posted is not None:
            self._post(*last.posted)
        else:
            self.open(last.portal or last.page.url) if last.portal is None else self._history.append(last)

    def close(self) -> None:
        self.device.tabs.remove(self)

    def _get(self, url: str) -> httpx.Response:
        self.device.portals.opened(url)
        return self.device.person.http.get(url)

    def _post(self, action: str, data: Fields) -> None:
        headers = {"Referer": self.page.url} if self._history else {}
        self._arrive(self.device.person.http.post(action, data=_sent(data), headers=headers), (action, data))

    def _arrive(self, response: httpx.Response, posted: tuple[str, Fields] | None) -> None:
        """Follow redirects, through portals too, until a page is shown."""
        base = self.device.person.base
        for _ in range(20):
            self.device.learn()
            if response.status_code not in (301, 302, 303, 307, 308):
                page = Page(response)
                house_rules(page)
                self._history.append(Shown(page, None, posted))
                return
            assert response.status_code in (302, 303), "a post must not be repeated elsewhere"
            posted = None
            target = urljoin(str(response.url), response.headers["location"])
            if not target.startswith(f"{base}/"):
                onward = self.device.portals.receive(self.device, target)
                if onward is None:
                    self._history.append(Shown(Page(response), target, None))
                    return
                target = onward
            response = self._get(target)
        raise AssertionError(f"redirected in a circle: {response.url}")


def _sent(data: Fields) -> dict[str, str]:
    return {name: value for name, value in data.items() if value is not None}
