"""A provider as the benchmark knows it, and what browsers and portals do there, as generators for `wire`.

Both providers are driven by the same code: addresses come from the discovery document, the sign-in form is found on
the page that the provider shows, and every answer is held to what it should be.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import secrets
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

from tests.bench.wire import Answer, Connection, Failed, Operation

Sent = Generator[tuple[Connection, bytes], Answer, Answer]
Told = Generator[tuple[Connection, bytes], Answer, dict[str, Any]]
_FORM = "application/x-www-form-urlencoded"
_REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True)
class Portal:
    """A registered client of a provider. authorize: more parameters of its authorization requests."""

    client_id: str
    secret: str = field(repr=False)
    redirect_uri: str
    scope: str
    authorize: Mapping[str, str] = field(default_factory=dict)

    @property
    def basic(self) -> str:
        """Its client_secret_basic (RFC 6749 2.3.1); ids and secrets here need no escaping."""
        return "Basic " + base64.b64encode(f"{self.client_id}:{self.secret}".encode()).decode()


@dataclass(frozen=True)
class Provider:
    """A provider that runs. paths: of its endpoints by the names of the discovery document.

    portals: by use (main, es256, rotating, service). fields: names of the sign-in form's fields for name and password.
    people: how many have an account; person: the sign-in name of one, by number. front_port: where fixed documents are
    asked for (a reverse proxy, as deployed). processes: roots of the process trees to be measured.
    """

    name: str
    port: int
    front_port: int
    paths: Mapping[str, str]
    portals: Mapping[str, Portal]
    fields: tuple[str, str]
    password: str = field(repr=False)
    person: Any
    people: int
    processes: Mapping[str, int]

    def request(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
        """The bytes of a request."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join([*lines, "", ""]).encode() + body

    def form(self, path: str, portal: Portal, fields: Mapping[str, str]) -> bytes:
        """A POST of a portal's server, which says who it is."""
        headers = {"Authorization": portal.basic, "Content-Type": _FORM}
        return self.request("POST", path, headers, urlencode(fields).encode())

    def token(self, connection: Connection, portal: Portal, fields: Mapping[str, str]) -> Told:
        """A token request; the answer's members."""
        answer = yield connection, self.form(self.paths["token_endpoint"], portal, fields)
        if answer.status != 200:
            raise Failed(f"token: {answer.status} {answer.body[:160]!r}")
        told: dict[str, Any] = json.loads(answer.body)
        return told


class Browser:
    """A browser with cookies, on one connection. It follows redirects until the portal's address."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.connection = Connection(provider.port)
        self.cookies: dict[str, str] = {}

    def forget(self) -> None:
        self.cookies.clear()

    def send(self, method: str, url: str, body: bytes = b"") -> Sent:
        """One request with the cookies; those of the answer are kept."""
        headers = {"Accept": "text/html"}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if body:
            headers["Content-Type"] = _FORM
        parts = urlsplit(url)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        answer = yield self.connection, self.provider.request(method, path, headers, body)
        for line in answer.headers(b"set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            if value and "max-age=0" not in line.lower() and "expires=thu, 01 jan 1970" not in line.lower():
                self.cookies[name] = value
            else:
                self.cookies.pop(name, None)
        return answer

    def authorize(self, portal: Portal, verifier: str, more: Mapping[str, str]) -> Sent:
        """An authorization request with PKCE; the first answer to it."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "client_id": portal.client_id,
            "redirect_uri": portal.redirect_uri,
            "response_type": "code",
            "scope": portal.scope,
            "state": verifier[:16],
            "nonce": verifier[16:32],
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **portal.authorize,
            **more,
        }
        return (yield from self.send("GET", f"{self.provider.paths['authorization_endpoint']}?{urlencode(query)}"))

    def code(self, portal: Portal, verifier: str, more: Mapping[str, str], person: str | None) -> Told:
        """From the portal's link to the portal's address with a code; signs in where the provider asks for it.

        person: the sign-in name; None where a page is a failure.
        """
        answer = yield from self.authorize(portal, verifier, more)
        at = self.provider.paths["authorization_endpoint"]
        for _ in range(12):
            if answer.status in _REDIRECTS:
                at = urljoin(f"http://127.0.0.1:{self.provider.port}{at}", answer.headers(b"location")[0])
                if at.startswith(portal.redirect_uri):
                    told = {name: values[0] for name, values in parse_qs(urlsplit(at).query).items()}
                    if "code" not in told or told.get("state") != verifier[:16]:
                        raise Failed(f"authorize: {told}")
                    return told
                at = at.removeprefix(f"http://127.0.0.1:{self.provider.port}")
                answer = yield from self.send("GET", at)
            elif answer.status == 200 and person is not None:
                at, body = self._filled(at, answer.body.decode(), person)
                answer = yield from self.send("POST", at, body)
            else:
                break
        raise Failed(f"authorize: {answer.status} at {at.partition('?')[0]}: {answer.body[:160]!r}")

    def _filled(self, at: str, page: str, person: str) -> tuple[str, bytes]:
        """The address and the body of the page's form that has the password field, or of its only form."""
        name, password = self.provider.fields
        forms = re.findall(r"<form\b([^>]*)>(.*?)</form>", page, re.DOTALL)
        for attributes, content in sorted(forms, key=lambda form: f'name="{password}"' not in form[1]):
            action = re.search(r'action="([^"]*)"', attributes)
            fields = {
                found["name"]: html.unescape(found.get("value", ""))
                for found in (
                    dict(re.findall(r'([\w-]+)="([^"]*)"', tag)) for tag in re.findall(r"<input\b[^>]*>", content)
                )
                if "name" in found
            }
            if password in fields:
                fields |= {name: person, password: self.provider.password}
            return urljoin(at, html.unescape(action[1]) if action else ""), urlencode(fields).encode()
        raise Failed(f"no form at {at}")


def new_verifier() -> str:
    """A PKCE verifier (RFC 7636 4.1)."""
    return secrets.token_urlsafe(36)


def signed_in(provider: Provider, browser: Browser, portal: Portal, number: int) -> Operation:
    """Sign a person in at this browser; the code that the portal is given is left to expire."""
    yield from browser.code(portal, new_verifier(), {}, provider.person(number))


def tokens(
    browser: Browser, back: Connection, portal: Portal, more: Mapping[str, str], person: str | None = None
) -> Told:
    """The flow of a signed-in browser: code, exchange; the token answer, with its ID token. person: as for `code`."""
    verifier = new_verifier()
    told = yield from browser.code(portal, verifier, more, person)
    answer = yield from browser.provider.token(
        back,
        portal,
        {
            "grant_type": "authorization_code",
            "code": told["code"],
            "redirect_uri": portal.redirect_uri,
            "code_verifier": verifier,
        },
    )
    if "id_token" not in answer:
        raise Failed("token: no ID token")
    return answer


def algorithm(token: str) -> str:
    """The `alg` of a signed token; `opaque` for another."""
    head = token.split(".")[0]
    if token.count(".") != 2:
        return "opaque"
    name: str = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))["alg"]
    return name
