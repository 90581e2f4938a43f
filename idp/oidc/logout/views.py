"""HTTP of signing out: our own page, and the end_session_endpoint."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, render_template, request

from idp.errors import AgencyClosed, AgencyUnknown, FieldError, MalformedRequest, TooLarge
from idp.oidc.authorize.answers import origin
from idp.oidc.logout import frames, steps
from idp.oidc.logout.flow import PARAMETERS, LogoutRequest
from idp.oidc.provider import Provider
from idp.sessions.store import SignedIn
from idp.web import browser as browsers
from idp.web import forms, headers
from idp.web.site import Place, Site

LOGOUT_FORM = "logout"
# A proxy takes neither the head of an answer with a longer address in it nor the request for it (config/nginx).
_LONGEST_ADDRESS = 12_000


def blueprint(site: Site, provider: Provider) -> Blueprint:
    pages = Blueprint("logout", __name__)

    @pages.get("/logout")
    def ask() -> Response:
        return ask_or_say(None)

    @pages.post("/logout")
    def submit() -> Response:
        try:
            site.form(LOGOUT_FORM)
        except FieldError as error:
            return ask_or_say(error)
        signed_in = site.signed_in()
        return ended(signed_in, understood(signed_in))

    @pages.get("/oauth/logout")
    def end_session() -> Response:
        if any(len(request.args.getlist(name)) > 1 for name in PARAMETERS):
            raise MalformedRequest()
        signed_in = site.signed_in()
        wanted = understood(signed_in)
        if not wanted.proven and (signed_in is not None or wanted.problem is not None):
            return site.see_other(f"/logout?{urlencode(asked())}" if asked() else "/logout")
        return ended(signed_in, wanted)

    @pages.post("/oauth/logout")
    def end_session_posted() -> Response:
        """From another site, so without our cookies: the same request comes back with GET."""
        form = forms.pairs(request)
        if len({name for name, _ in form}) != len(form):
            raise MalformedRequest()
        address = f"/oauth/logout?{urlencode([(name, value) for name, value in form if name in PARAMETERS])}"
        if len(address) > _LONGEST_ADDRESS:
            raise TooLarge()
        return site.see_other(address)

    def ended(signed_in: SignedIn | None, wanted: LogoutRequest) -> Response:
        onward = wanted.return_to or place().url("/logout", done="1")
        if signed_in is not None:
            steps.end(site.deps, signed_in)
            if frames.addresses(provider, signed_in.sid, browser_digest=site.browser().digest):
                onward = f"/logout/portals?{urlencode({**asked(), 'sid': signed_in.sid})}"
        response = site.see_other(onward)
        browsers.forget_session(response, site.deps)
        return response

    @pages.get("/logout/portals")
    def portals() -> Response:
        """Signed out; the browser tells the portals, then goes on. What the URL asks for is looked at again."""
        told = frames.addresses(provider, request.args.get("sid", ""), browser_digest=site.browser().digest)
        wanted = understood(site.signed_in())
        response = site.page("logout/portals.html", place(), frames=told, return_to=wanted.return_to)
        if told:
            headers.allow(response, "frame-src", *dict.fromkeys(origin(address) for address in told))
        return response

    if site.deps.settings.session_iframe:

        @pages.get("/oauth/check_session")
        def check_session() -> Response:
            """The frame that portals put into their pages: the one page of ours that may be framed, and it shows nothing."""
            cookie = browsers.state_cookie(site.deps.settings)
            response = Response(render_template("logout/check_session.html", cookie=cookie))
            policy = "default-src 'none'; script-src 'self'; frame-ancestors *; base-uri 'none'"
            response.headers["Content-Security-Policy"] = policy
            return response

    def ask_or_say(error: FieldError | None) -> Response:
        """The question, or that nobody is signed in any more."""
        signed_in = site.signed_in()
        wanted = understood(signed_in)
        here = place()
        targets = (*here.targets, origin(wanted.return_to)) if wanted.return_to else here.targets
        return site.page(
            "logout/ask.html" if signed_in else "logout/done.html",
            Place(here.agency, here.pending, here.language, targets),
            form_id=LOGOUT_FORM,
            error=error,
            asked=asked(),
            problem=wanted.problem,
        )

    def understood(signed_in: SignedIn | None) -> LogoutRequest:
        given = asked()
        hint = provider.tokens.read_id_token_hint(given["id_token_hint"]) if "id_token_hint" in given else None
        return steps.understand(provider, given, hint, signed_in)

    def asked() -> dict[str, str]:
        return {name: request.args[name] for name in PARAMETERS if request.args.get(name)}

    def place() -> Place:
        """The agency of the URL; of a portal's request none, in the language that it asks for."""
        try:
            found: Any = site.place()
        except (AgencyClosed, AgencyUnknown):
            found = Place(None, None, "")
        language = site.language(request.args.get("ui_locales", ""))
        return Place(found.agency, found.pending, language, found.targets)

    return pages
