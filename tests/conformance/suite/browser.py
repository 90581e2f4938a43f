"""A browser without script that does what the `browser` block of a configuration says, as the official suite's does.

Nothing is run: a form of a page that submits itself (`response_mode=form_post`) is sent as its script would, a page
that goes on by itself (`<meta http-equiv=refresh>`) is followed, and frames are loaded. Cookies last for one module.
Whatever goes to the relying party is an `Arrival` and not requested: what a request there would carry is the browser's
doing, and the browser is this one.
"""

from __future__ import annotations

import fnmatch
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx2 as httpx
from lxml import html

_MOST_REDIRECTS = 20
_CALLBACK_PAGE = '<!doctype html><title>Relying party</title><p id="submission_complete">Received.</p>'
_SELECTORS = {
    "id": "//*[@id={!r}]",
    "name": "//*[@name={!r}]",
    "class": "//*[contains(concat(' ', normalize-space(@class), ' '), concat(' ', {!r}, ' '))]",
}


class Lost(AssertionError):
    """The instructions do not fit the page that came."""


@dataclass(frozen=True)
class Arrival:
    """A request of the browser to the relying party."""

    method: str
    url: str
    form: Mapping[str, list[str]] = field(default_factory=dict)
    content_type: str = ""

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.url).query, keep_blank_values=True)

    @property
    def fragment(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.url).fragment, keep_blank_values=True)


@dataclass(frozen=True)
class Page:
    """What is on the screen. status: 0 for the relying party's own page."""

    url: str
    status: int
    document: Any

    @property
    def text(self) -> str:
        return " ".join(self.document.text_content().split())


class Browser:
    """blocks: the `browser` list of the configuration. home: the relying party's address."""

    def __init__(self, trust: ssl.SSLContext, home: str, blocks: list[dict[str, Any]]) -> None:
        self._http = httpx.Client(verify=trust, timeout=60, follow_redirects=False)
        self._home = home
        self._blocks = blocks
        self.arrivals: list[Arrival] = []
        self.pictures: list[str] = []  # pages filed as a screenshot would be
        self.page = Page("about:blank", 0, html.fromstring("<p></p>"))

    @property
    def cookies(self) -> httpx.Cookies:
        return self._http.cookies

    def close(self) -> None:
        self._http.close()

    def visit(self, url: str, form: Mapping[str, str] | None = None) -> None:
        """Open an address, as GET or as POST of a form, and follow the instructions for it."""
        self._go("GET" if form is None else "POST", url, form)
        for block in self._blocks:
            if _fits(block["match"], url):
                for task in block["tasks"]:
                    self._perform(task)
                return
        raise Lost(f"no browser block fits {url}")

    def _perform(self, task: dict[str, Any]) -> None:
        if not _fits(task.get("match", "*"), self.page.url):
            if task.get("optional"):
                return
            raise Lost(f"{task['task']}: the browser is at {self.page.url}, which says: {self.page.text[:600]}")
        for command, *arguments in task.get("commands", []):
            COMMANDS[command](self, task["task"], *arguments)

    # --- commands of a task ------------------------------------------------------------------------------------------

    def _text(self, task: str, kind: str, target: str, value: str, *options: str) -> None:
        element = self._find(task, kind, target, optional="optional" in options)
        if element is not None:
            element.value = value

    def _click(self, task: str, kind: str, target: str, *options: str) -> None:
        element = self._find(task, kind, target, optional="optional" in options)
        if element is None:
            return
        if element.tag == "a":
            self._go("GET", urljoin(self.page.url, element.get("href")))
        else:
            self._submit(_form_of(element), element)

    def _wait(self, task: str, kind: str, target: str, _seconds: int, pattern: str = "", picture: str = "") -> None:
        """What is waited for is there at once or never: nothing changes a page without script."""
        if kind in ("contains", "match"):
            at = target in self.page.url if kind == "contains" else re.search(target, self.page.url)
            if not at:
                raise Lost(f"{task}: waited for {target!r}, and the browser is at {self.page.url}")
            return
        element = self._find(task, kind, target)
        words = " ".join(element.text_content().split())
        if pattern and not re.search(pattern, words):
            raise Lost(f"{task}: {pattern!r} is not on {self.page.url}, which says: {words[:600]}")
        if picture:
            self.pictures.append(html.tostring(self.page.document, encoding="unicode"))

    def _find(self, task: str, kind: str, target: str, *, optional: bool = False) -> Any:
        if kind == "css":
            elements = self.page.document.cssselect(target.strip())
        else:
            elements = self.page.document.xpath(target if kind == "xpath" else _SELECTORS[kind].format(target))
        if not elements and not optional:
            raise Lost(f"{task}: no {kind} {target!r} on {self.page.url}, which says: {self.page.text[:600]}")
        return elements[0] if elements else None

    # --- moving about ------------------------------------------------------------------------------------------------

    def _submit(self, form: Any, button: Any = None) -> None:
        values = dict(form.form_values())
        if button is not None and button.get("name"):
            values[button.get("name")] = button.get("value") or ""
        address = button.get("formaction") if button is not None else None
        address = urljoin(self.page.url, address or form.get("action") or self.page.url)
        if form.method == "POST":
            self._go("POST", address, values)
        else:
            self._go("GET", str(httpx.URL(address).copy_merge_params(values)))

    def _go(self, method: str, url: str, form: Mapping[str, str] | None = None) -> None:
        """Request, follow redirects, and then whatever the page does by itself."""
        for _ in range(_MOST_REDIRECTS):
            if url.startswith(self._home):
                self._arrive(method, url, form)
                return
            headers = {"Accept": "text/html,application/xhtml+xml;q=0.9", "Accept-Language": "en-US,en;q=0.5"}
            if method == "POST":
                headers["Origin"] = _origin(self.page.url)
            response = self._http.request(method, url.split("#")[0], data=form, headers=headers)  # type: ignore[arg-type]
            if not response.has_redirect_location:
                self._show(url, response)
                return
            if method == "POST" and response.status_code not in (307, 308):
                method, form = "GET", None
            url = urljoin(url, response.headers["location"])
        raise Lost(f"redirected in a circle: {url}")

    def _arrive(self, method: str, url: str, form: Mapping[str, str] | None) -> None:
        posted = method == "POST"
        self.arrivals.append(
            Arrival(
                method,
                url,
                {name: [value] for name, value in (form or {}).items()},
                "application/x-www-form-urlencoded" if posted else "",
            )
        )
        self.page = Page(url, 0, html.fromstring(_CALLBACK_PAGE))

    def _show(self, url: str, response: httpx.Response) -> None:
        text = response.text if response.headers.get("content-type", "").startswith("text/html") else ""
        self.page = Page(url, response.status_code, html.fromstring(text or f"<pre>{response.status_code}</pre>"))
        for frame in self.page.document.xpath("//iframe[@src]"):
            self._load_frame(urljoin(url, frame.get("src")))
        submits_itself = [form for form in self.page.document.forms if self._is_answer(form)]
        if submits_itself:
            self._submit(submits_itself[0])
            return
        for refresh in self.page.document.xpath("//meta[translate(@http-equiv, 'REFSH', 'refsh') = 'refresh']"):
            following = re.fullmatch(r"\s*\d+\s*;\s*url\s*=\s*(.+?)\s*", refresh.get("content"), re.IGNORECASE)
            if following:
                self._go("GET", urljoin(url, following[1].strip("'\"")))
                return

    def _load_frame(self, url: str) -> None:
        if url.startswith(self._home):
            self.arrivals.append(Arrival("GET", url))
        else:
            self._http.get(url)

    def _is_answer(self, form: Any) -> bool:
        """A form to the relying party on a page whose script or `onload` sends it (OAuth 2.0 Form Post Response Mode)."""
        page = self.page.document
        by_itself = page.xpath("//script | //body[@onload]")
        return bool(by_itself) and urljoin(self.page.url, form.get("action") or "").startswith(self._home)


COMMANDS = {
    "text": Browser._text,
    "click": Browser._click,
    "wait": Browser._wait,
    "wait-element-visible": Browser._wait,
}


def _fits(pattern: str, url: str) -> bool:
    """Only * is special in the official suite's patterns."""
    return fnmatch.fnmatchcase(url, pattern.replace("[", "[[]").replace("?", "[?]"))


def _form_of(element: Any) -> Any:
    """The form of a button: named by its `form` attribute, or around it."""
    named = element.get("form")
    if named:
        return element.getroottree().xpath("//form[@id=$named]", named=named)[0]
    return next(element.iterancestors("form"))


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else "null"
