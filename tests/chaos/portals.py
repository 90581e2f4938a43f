"""The agencies' portals: relying parties that remember what they asked, in which browser, and hold every answer to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.support.world import AgencyMade, Portal, World, answer, claims


class Broken(AssertionError):
    """A rule does not hold; the text starts with the rule's words, by which a shrunk script is the same failure."""


@dataclass
class Office:
    """An agency with its portal."""

    agency: AgencyMade
    portal: Portal

    @property
    def host(self) -> str:
        return urlsplit(self.portal.redirect_uri).netloc


@dataclass
class Asked:
    """An authorization request as the portal remembers it.

    opened: how often a browser came to the provider with it; carried: another browser than the one it was made for may have.
    """

    office: Office
    state: str
    device: Any
    may_fail: bool
    opened: int = 0
    carried: bool = False
    used: bool = False


@dataclass
class Visit:
    """Somebody came to a portal from the provider, and what the portal then learned."""

    asked: Asked
    device: Any
    code: str | None
    sub: str | None = None
    userinfo: dict[str, Any] = field(default_factory=dict)


class Portals:
    """All portals of a seed; `visits` in order. Every answer is checked as it arrives."""

    def __init__(self, world: World) -> None:
        self._base = world.base
        self.offices: list[Office] = []
        self.asked: dict[str, Asked] = {}
        self.visits: list[Visit] = []
        self._seen: set[str] = set()

    def start(self, office: Office, device: Any, **how: str) -> str:
        """The address that the portal sends a browser to. how: parameters of the request."""
        state = f"s{len(self.asked)}"
        self.asked[state] = Asked(office, state, device, may_fail=how.get("prompt") == "none")
        return office.portal.authorize_url(state=state, nonce=f"n-{state}", **how)

    def opened(self, url: str) -> None:
        """A browser asks the provider for an address, which may be that of a request."""
        if urlsplit(url).path == "/oauth/authorize" and (asked := self.asked.get(answer(url).get("state", ""))):
            asked.opened += 1

    def receive(self, device: Any, url: str) -> str | None:
        """A browser comes to an address of a portal. Returns where the portal sends it, None for a page of its own."""
        office = next((o for o in self.offices if o.host == urlsplit(url).netloc), None)
        if office is None:
            raise Broken(f"nobody is sent to strangers: {url}")
        path = urlsplit(url).path
        if path == "/connexion":  # OIDC Core 4: the provider asks the portal to start a sign-in
            return self.start(office, device)
        if path == "/retour":
            self._answered(office, device, url)
        return None

    def _answered(self, office: Office, device: Any, url: str) -> None:
        given = answer(url)
        if url in self._seen:
            return  # the person went back to the portal's page or reloaded it: nothing new was answered
        self._seen.add(url)
        asked = self.asked.get(given.get("state", ""))
        if asked is None or asked.office is not office or not url.startswith(office.portal.redirect_uri):
            raise Broken(f"an answer goes to who asked, with the state that was sent: {url}")
        if given.get("iss") != self._base:
            raise Broken(f"an answer names its issuer: {url}")
        if asked.device is not device and not asked.carried:
            raise Broken(f"an answer goes to the browser that asked: {url}")
        if "code" not in given and not asked.may_fail:
            raise Broken(f"an answer is a code unless the portal wanted no page: {url}")
        visit = Visit(asked, device, given.get("code"))
        self.visits.append(visit)
        if asked.device is not device or asked.used or visit.code is None:
            return  # the portal does not know this browser's state, or knows it as used: it redeems nothing
        asked.used = True
        self._redeem(visit, url)

    def _redeem(self, visit: Visit, url: str) -> None:
        portal = visit.asked.office.portal
        response = portal.redeem(url)
        if response.status_code != 200:
            raise Broken(f"a fresh code is redeemed: {response.text}")
        tokens = response.json()
        told = claims(tokens["id_token"])
        if told["nonce"] != f"n-{visit.asked.state}" or told["aud"] != portal.client_id:
            raise Broken(f"an ID token is for the request it answers: {told}")
        visit.sub = told["sub"]
        visit.userinfo = portal.userinfo(tokens["access_token"]).json()
        if visit.userinfo.get("sub") != visit.sub:
            raise Broken(f"userinfo is about the same person: {visit.userinfo}")
        if len(self.visits) % 4 == 0 and portal.redeem(url).status_code != 400:
            raise Broken("a code is redeemed once")
