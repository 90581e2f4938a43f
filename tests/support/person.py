"""A person with a browser without JavaScript: cookies, pages, forms as they are written, redirects one by one.

Every page that is opened is held to the house rules, so that no test can pass over a page that breaks them.
"""

from __future__ import annotations

import re
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx2 as httpx


@dataclass
class Form:
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[str] = field(default_factory=list)
    own: bool = True  # of the page's own content, not of its banner or footer


class Page(HTMLParser):
    """A page as read: status, text, title, headings, forms, links, fields by name."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__()
        self.response = response
        self.status = response.status_code
        self.url = str(response.url)
        self.path = urlsplit(self.url).path
        self.html = response.text
        self.forms: list[Form] = []
        self.links: dict[str, str] = {}
        self.ways: list[str] = []  # addresses of the links of the page's own content, without banner and footer
        self.headings: list[str] = []
        self.title = ""
        self.fields: dict[str, dict[str, str | None]] = {}
        self._words: list[str] = []
        self._stack: list[str] = []
        self._link: str | None = None
        self._link_words: list[str] = []
        self._button: list[str] | None = None
        if "html" in response.headers.get("content-type", ""):
            self.feed(self.html)
        self.text = re.sub(r"\s+", " ", " ".join(self._words)).strip()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._stack.append(tag)
        if tag == "form":
            action = urljoin(self.url, given.get("action") or "")
            self.forms.append(Form(action, (given.get("method") or "get").lower(), own="main" in self._stack))
        if tag == "input":
            self._stack.pop()
            name = given.get("name")
            if name:
                self.fields[name] = given
                checkbox = given.get("type") == "checkbox"
                if self.forms and (not checkbox or "checked" in given):
                    self.forms[-1].fields[name] = given.get("value") or ""
        if tag in ("meta", "link", "br"):
            self._stack.pop()
        if tag == "h1":
            self.headings.append("")
        if tag == "a":
            self._link, self._link_words = urljoin(self.url, given.get("href") or ""), []
            if "main" in self._stack and not (given.get("href") or "#").startswith("#"):
                self.ways.append(self._link)
        if tag == "button":
            self._button = []

    def handle_endtag(self, tag: str) -> None:
        while self._stack and self._stack.pop() != tag:
            pass
        if tag == "a" and self._link is not None:
            self.links[" ".join("".join(self._link_words).split())] = self._link
            self._link = None
        if tag == "button" and self._button is not None:
            if self.forms:
                self.forms[-1].buttons.append(" ".join("".join(self._button).split()))
            self._button = None

    def handle_data(self, data: str) -> None:
        if "style" in self._stack or "script" in self._stack:
            return
        if "title" in self._stack:
            self.title += data
            return
        self._words.append(data)
        if "h1" in self._stack:
            self.headings[-1] += data
        if self._link is not None:
            self._link_words.append(data)
        if self._button is not None:
            self._button.append(data)

    @property
    def heading(self) -> str:
        return " ".join(self.headings[0].split())

    @property
    def errors(self) -> list[str]:
        """The lines of the error summary."""
        found = re.search(r'<div class="summary".*?</div>', self.html, re.DOTALL)
        return [_plain(line) for line in re.findall(r"<li>(.*?)</li>", found[0], re.DOTALL)] if found else []

    def form(self, button: str | None = None, *, having: str | None = None) -> Form:
        """The form with this button, or with this field, or the first one."""
        for form in self.forms:
            if (button is None or button in form.buttons) and (having is None or having in form.fields):
                return form
        raise AssertionError(f"no form with {button or having} on {self.url}: {[f.buttons for f in self.forms]}")

    def link(self, words: str) -> str:
        for text, address in self.links.items():
            if words in text:
                return address
        raise AssertionError(f"no link {words!r} on {self.url}: {list(self.links)}")


def _plain(html: str) -> str:
    import html as entities

    return " ".join(entities.unescape(re.sub(r"<[^>]+>", "", html)).split())


_HOST = "__Host-"
# The cookies that have this prefix where the provider is reached over HTTPS (idp/web/browser.py).
_OF_HOST = ("browser", "session", "device")


class Person:
    """Someone at a browser. `open` and `submit` follow redirects within the provider and stop at the portal."""

    def __init__(self, base: str, *, cookies: Mapping[str, str] | None = None, **options: Any) -> None:
        """cookies: what the browser has already, by names without prefix."""
        self.base = base
        prefix = _HOST if base.startswith("https:") else ""
        options["cookies"] = {prefix * (name in _OF_HOST) + name: value for name, value in (cookies or {}).items()}
        self.http = httpx.Client(base_url=base, follow_redirects=False, timeout=30, verify=False, **options)
        # A twin in a race is closed by nobody, and a connection with TLS that is left behind is a warning.
        weakref.finalize(self, self.http.close)
        self.page: Page

    @property
    def cookies(self) -> dict[str, str]:
        """What the browser keeps, by names without prefix; what a provider gave before what was there already."""
        kept = sorted(self.http.cookies.jar, key=lambda cookie: bool(cookie.domain))
        return {cookie.name.removeprefix(_HOST): cookie.value or "" for cookie in kept}

    def forget(self, name: str) -> None:
        """Lose a cookie, as a browser does that is closed or cleaned."""
        for cookie in [one for one in self.http.cookies.jar if one.name in (name, _HOST + name)]:
            self.http.cookies.jar.clear(cookie.domain, cookie.path, cookie.name)

    def keep(self, name: str, value: str) -> None:
        """Have this cookie instead of what was there."""
        self.forget(name)
        self.http.cookies.set(_HOST * (self.base.startswith("https:") and name in _OF_HOST) + name, value)

    def open(self, url: str) -> Page:
        return self._follow(self.http.get(url))

    def get(self, url: str, **options: Any) -> httpx.Response:
        """One request, no redirect followed."""
        return self.http.get(url, **options)

    def submit(self, button: str | None = None, *, having: str | None = None, **fields: str) -> Page:
        """Fill and send a form of the present page. A field set to None is not sent."""
        return self._follow(self.send(button, having=having, **fields))

    def send(self, button: str | None = None, *, having: str | None = None, **fields: Any) -> httpx.Response:
        """As `submit`, but answers the very response."""
        form = self.page.form(button, having=having or next(iter(fields), None) if button is None else having)
        data = {k: v for k, v in {**form.fields, **fields}.items() if v is not None}
        assert form.method == "post", form.action
        return self.http.post(form.action, data=data)

    def click(self, words: str) -> Page:
        return self.open(self.page.link(words))

    def reload(self) -> Page:
        return self.open(self.page.url)

    def _follow(self, response: httpx.Response) -> Page:
        for _ in range(12):
            if response.status_code not in (301, 302, 303, 307, 308):
                break
            assert response.status_code in (302, 303), "a post must not be repeated elsewhere"
            target = urljoin(str(response.url), response.headers["location"])
            if not target.startswith(self.base):
                break  # at the portal: the test looks at the Location
            response = self.http.get(target)
        else:
            raise AssertionError(f"redirected in a circle: {response.url}")
        self.page = Page(response)
        if response.status_code not in (301, 302, 303) and "html" in response.headers.get("content-type", ""):
            house_rules(self.page)
        return self.page

    @property
    def sent_to(self) -> str:
        """Where the last answer sends the browser, outside of the provider."""
        return str(self.page.response.headers.get("location", ""))


def house_rules(page: Page) -> None:
    """What holds for every page of ours, whatever it shows."""
    headers = page.response.headers
    assert page.status < 500 or page.status == 503, f"{page.status} on {page.url}"
    assert len(page.headings) == 1, f"one h1 on {page.url}"
    assert page.title.strip().endswith("Mon compte immobilier"), page.title
    assert 'lang="fr"' in page.html or 'lang="en"' in page.html
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert headers["cache-control"] == "no-store"
    assert headers["x-frame-options"] == "DENY"
    assert "Traceback" not in page.html
    assert "None" not in page.text, f"a missing value is shown on {page.url}"
    if page.status >= 400 and page.errors:
        assert page.title.startswith(("Erreur", "Error")), page.title
    for name, given in page.fields.items():
        if given.get("type") == "password":
            assert not given.get("value"), f"a password is sent back on {page.url}"
            assert given.get("autocomplete"), name
    for form in page.forms:
        if urlsplit(form.action).netloc != urlsplit(page.url).netloc:
            continue  # an answer on its way to a portal (Form Post Response Mode)
        assert form.fields.get("csrf_token"), f"no anti-forgery token: {form.action}"
