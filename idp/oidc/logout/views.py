"""HTTP of signing out: our own page, and the end_session_endpoint."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Blueprint, Response, request

from idp.errors import AgencyUnknown, FieldError, MalformedRequest
from idp.oidc.authorize.flow import origin
from idp.oidc.logout import steps
from idp.oidc.token.tokens import Tokens
from idp.web import browser as browsers
from idp.web import forms
from idp.web.site import Place, Site

LOGOUT_FORM = "logout"
_PARAMETERS = ("id_token_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales", "logout_hint")


def blueprint(site: Site, tokens: Tokens) -> Blueprint:
    pages = Blueprint("logout", __name__)

    def place() -> Place:
        try:
            return site.place()
        except AgencyUnknown:
            return Place(None, None, site.language(None))

    @pages.get("/logout")
    def ask() -> Response:
        return confirm_or_say(None)

    @pages.post("/logout")
    def submit() -> Response:
        try:
            site.form(LOGOUT_FORM)
        except FieldError as error:
            return confirm_or_say(error)
        signed_in = site.signed_in()
        asked = _asked()
        request_ = steps.understand(site.deps, asked, _hint(asked), signed_in)
        if signed_in is not None:
            steps.end(site.deps, signed_in)
        response = site.see_other(request_.return_to or place().url("/logout", done="1"))
        browsers.forget_session(response, site.deps)
        return response

    def confirm_or_say(error: FieldError | None) -> Response:
        signed_in = site.signed_in()
        asked = _asked()
        return_to = steps.understand(site.deps, asked, _hint(asked), signed_in).return_to
        here = place()
        targets = (*here.targets, origin(return_to)) if return_to else here.targets
        return site.page(
            "login/logout.html",
            Place(here.agency, here.pending, here.language, targets),
            form_id=LOGOUT_FORM,
            error=error,
            signed_in=signed_in,
            asked=asked,
        )

    @pages.get("/oauth/logout")
    def end_session() -> Response:
        if any(len(request.args.getlist(name)) > 1 for name in _PARAMETERS):
            raise MalformedRequest()
        signed_in = site.signed_in()
        asked = _asked()
        understood = steps.understand(site.deps, asked, _hint(asked), signed_in)
        if signed_in is not None and not understood.proven:
            return site.see_other(f"/logout?{urlencode(asked)}" if asked else "/logout")
        if signed_in is not None:
            steps.end(site.deps, signed_in)
        response = site.see_other(understood.return_to or "/logout?done=1")
        browsers.forget_session(response, site.deps)
        return response

    @pages.post("/oauth/logout")
    def end_session_posted() -> Response:
        """From another site, so without our cookies: the same request comes back with GET."""
        form = forms.pairs(request)
        if len({name for name, _ in form}) != len(form):
            raise MalformedRequest()
        asked = {name: value for name, value in form if name in _PARAMETERS}
        return site.see_other(f"/oauth/logout?{urlencode(asked)}")

    def _asked() -> dict[str, str]:
        return {name: request.args[name] for name in _PARAMETERS if request.args.get(name)}

    def _hint(asked: dict[str, str]) -> dict[str, object] | None:
        return tokens.read_id_token_hint(asked["id_token_hint"]) if "id_token_hint" in asked else None

    return pages
