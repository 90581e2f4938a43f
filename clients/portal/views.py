"""The pages of the portal."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Blueprint, make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from clients.portal.attempts import Attempts, AttemptUnknown
from clients.portal.cookies import Cookies
from clients.portal.provider import Provider, ProviderAway
from clients.portal.sessions import Sessions, SignedIn
from clients.portal.settings import PortalSettings

AFTER_SIGN_IN = "/profil"


@dataclass(frozen=True)
class Views:
    """The pages of one portal, with what they need."""

    settings: PortalSettings
    provider: Provider
    attempts: Attempts
    sessions: Sessions
    cookies: Cookies

    def blueprint(self) -> Blueprint:
        """Every address of the portal."""
        pages = Blueprint("portal", __name__)
        pages.add_url_rule("/", view_func=self.home)
        pages.add_url_rule("/profil", view_func=self.profile)
        pages.add_url_rule("/comptes", view_func=self.memberships)
        pages.add_url_rule("/connexion", view_func=self.sign_in, methods=["GET", "POST"])
        pages.add_url_rule("/retour", view_func=self.answered)
        pages.add_url_rule("/deconnexion", view_func=self.sign_out, methods=["POST"])
        pages.add_url_rule("/deconnecte", view_func=self.signed_out)
        return pages

    def home(self) -> Response:
        return self._page("home.html", self._signed_in())

    def profile(self) -> Response:
        """The Profil tab of the source (section IV b), with what concerns this agency."""
        who = self._signed_in()
        if who is None:
            return self._to_sign_in("/profil")
        here = who.person.at(self.settings.client, self.settings.societe)
        contracts = [contract for membership in here for contract in membership.contracts]
        references = _once(contract.reference for contract in contracts)
        mandates = _once([*(m.mandate for m in here), *(c.mandate for c in contracts)])
        return self._page("profile.html", who, tab="profil", references=references, mandates=mandates)

    def memberships(self) -> Response:
        who = self._signed_in()
        return self._to_sign_in("/comptes") if who is None else self._page("memberships.html", who, tab="comptes")

    def sign_in(self) -> Response:
        """Start a sign-in, for our own button and for whoever sends people here (OIDC Core 4)."""
        asked = request.values
        # Signing in at an issuer that a link names would let its owner read along or answer in the provider's place.
        if asked.get("iss", self.settings.issuer) != self.settings.issuer:
            return self._problem("stranger")
        key = self.cookies.browser_key()
        attempt = self.attempts.begin(key, own_path(self.settings, asked.get("target_link_uri", "")))
        answer = redirect(self.provider.authorization_url(attempt, login_hint=asked.get("login_hint", "")[:254]))
        self.cookies.keep_browser(answer, key)
        return answer

    def answered(self) -> Response:
        """The provider's answer: a code to redeem, or the reason why there is none."""
        key = self.cookies.browser_key()
        try:
            attempt = self.attempts.recognise(key, request.args.get("state", ""))
        except AttemptUnknown:
            return self._lost()
        code = self.provider.check_answer(request.args)
        if not self.sessions.use(attempt.state):
            return self._lost()
        identity = self.provider.redeem(attempt, code)
        self.sessions.close(self.cookies.session_id())
        answer = redirect(self.settings.base_url + attempt.target)
        self.cookies.keep_session(answer, self.sessions.open(identity.person, identity.id_token))
        self.cookies.keep_browser(answer, key)
        return answer

    def sign_out(self) -> Response:
        """End the session here, then at the provider, which leads back to `/deconnecte`."""
        expected = self.attempts.form_token(self.cookies.browser_key())
        if not hmac.compare_digest(request.form.get("form_token", "").encode(), expected.encode()):
            return redirect("/", 303)  # whose page has a button that works
        who = self._signed_in()
        self.sessions.close(self.cookies.session_id())
        try:
            onward = self.provider.logout_url(who.id_token) if who else self.settings.post_logout_redirect_uri
        except ProviderAway:
            onward = self.settings.post_logout_redirect_uri  # signing out here must work even then
        answer = redirect(onward, 303)
        self.cookies.drop_session(answer)
        return answer

    def signed_out(self) -> Response:
        return self._page("signed_out.html", self._signed_in())

    def _signed_in(self) -> SignedIn | None:
        return self.sessions.find(self.cookies.session_id())

    def _page(self, template: str, who: SignedIn | None, **values: object) -> Response:
        key = self.cookies.browser_key()
        text = render_template(
            template,
            person=who and who.person,
            links=_provider_links(self.settings),
            form_token=self.attempts.form_token(key),
            **values,
        )
        answer = make_response(text)
        self.cookies.keep_browser(answer, key)
        return answer

    def _problem(self, kind: str) -> Response:
        return make_response(self._page("problem.html", self._signed_in(), kind=kind), 400)

    def _lost(self) -> Response:
        """For an answer that belongs to no attempt of this browser, or came twice: never an end of the road."""
        if self._signed_in() is not None:
            return redirect(self.settings.base_url + AFTER_SIGN_IN)
        return self._problem("unfinished")

    def _to_sign_in(self, path: str) -> Response:
        return redirect("/connexion?" + urlencode({"target_link_uri": self.settings.base_url + path}))


def own_path(settings: PortalSettings, target: str) -> str:
    """The path and query of an address in this portal; the profile for any other (OIDC Core 4: no open redirector)."""
    path = target.removeprefix(settings.base_url)
    inside = target.startswith(f"{settings.base_url}/") and path.isascii() and path.isprintable() and len(path) <= 500
    return path if inside else AFTER_SIGN_IN


def _once(values: Iterable[str]) -> list[str]:
    """Each value once, in order, without empty ones."""
    return [value for value in dict.fromkeys(values) if value]


def _provider_links(settings: PortalSettings) -> dict[str, str]:
    """Addresses at the provider that the pages link to, with this agency's codes (source, section III)."""
    codes = urlencode({"client": settings.client, "societe": settings.societe})
    paths = {"password": "profile/password", "account": "profile", "letter": "login/provisional"}
    return {name: f"{settings.issuer}/{path}?{codes}" for name, path in paths.items()}
