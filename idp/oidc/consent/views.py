"""Pages of consent: the question, and what a person allowed so far (a part of Profil)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, request

from idp.database import reading
from idp.errors import AuthorizationAnswered, AuthorizationUnknown, FieldError
from idp.oidc.authorize import steps as authorize
from idp.oidc.authorize.answers import origin
from idp.oidc.authorize.store import Waiting
from idp.oidc.authorize.views import follow
from idp.oidc.consent import flow, steps, store
from idp.oidc.provider import Provider
from idp.oidc.registration import clients
from idp.oidc.registration.metadata import Client
from idp.sessions.store import SignedIn
from idp.web import headers
from idp.web.site import Site

APPLICATIONS_FORM = "applications"
Step = Callable[[Provider, Waiting, SignedIn], Any]


def blueprint(site: Site, provider: Provider) -> Blueprint:
    pages = Blueprint("consent", __name__)

    @pages.get("/consent/<authorization_id>")
    def ask(authorization_id: str) -> Response:
        found = load(authorization_id)
        return found if isinstance(found, Response) else show(*found, None)

    @pages.post("/consent/<authorization_id>")
    def allow(authorization_id: str) -> Response:
        return decided(authorization_id, steps.allow)

    @pages.post("/consent/<authorization_id>/refuse")
    def refuse(authorization_id: str) -> Response:
        return decided(authorization_id, steps.refuse)

    @pages.get("/consent/<authorization_id>/refuse")
    def refuse_opened(authorization_id: str) -> Response:
        """The address of a form, opened by itself (reload, history): back to the page of the form."""
        return site.see_other(f"/consent/{quote(authorization_id)}")

    def decided(authorization_id: str, step: Step) -> Response:
        found = load(authorization_id)
        if isinstance(found, Response):
            return found
        waiting, _, signed_in = found
        try:
            site.form(_form_id(waiting, signed_in))
        except FieldError as error:
            return show(*found, error)
        return follow(site, step(provider, waiting, signed_in))

    def load(authorization_id: str) -> tuple[Waiting, Client, SignedIn] | Response:
        """The request, its application and who is asked; or the way on when there is nothing to ask."""
        waiting = authorize.adopt(provider, authorization_id, browser_digest=site.browser().digest)
        if waiting is None:
            raise AuthorizationUnknown()
        if waiting.answered_at is not None:
            raise AuthorizationAnswered(agency_id=waiting.request.agency_id)
        client, signed_in = clients.find(site.deps, waiting.request.client_id), site.signed_in()
        if client is None or client.first_party or signed_in is None:
            return site.see_other(f"/oauth/authorize/{waiting.id}/continue")
        return waiting, client, signed_in

    def show(waiting: Waiting, client: Client, signed_in: SignedIn, error: FieldError | None) -> Response:
        place = site.place(agency_id=waiting.request.agency_id, authorization_id=waiting.id)
        application = flow.shown(client, place.language)
        response = site.page(
            "consent/ask.html",
            place,
            form_id=_form_id(waiting, signed_in),
            error=error,
            waiting=waiting,
            application=application,
            asked=flow.told(waiting.request.scope, waiting.request.claim_names),
            signed_in=signed_in,
        )
        if application.logo_uri is not None:
            headers.allow(response, "img-src", origin(application.logo_uri))
        return response

    @pages.get("/profile/applications")
    def applications() -> Response:
        return allowed(None)

    @pages.post("/profile/applications/<client_id>/withdraw")
    def withdraw(client_id: str) -> Response:
        signed_in = site.signed_in()
        try:
            site.form(APPLICATIONS_FORM)
        except FieldError as error:
            return allowed(error)
        if signed_in is not None:
            steps.withdraw(site.deps, signed_in, client_id)
        return site.see_other("/profile/applications?withdrawn=1")

    @pages.get("/profile/applications/<client_id>/withdraw")
    def withdraw_opened(client_id: str) -> Response:  # noqa: ARG001 - the same for every application
        return site.see_other("/profile/applications")

    def allowed(error: FieldError | None) -> Response:
        signed_in = site.signed_in()
        if signed_in is None:
            return site.see_other(site.place().url("/login"))
        place = site.place()
        with reading() as db:
            consents = store.of_account(db, signed_in.account_id)
        known = [(consent, clients.find(site.deps, consent.client_id)) for consent in consents]
        return site.page(
            "consent/applications.html",
            place,
            form_id=APPLICATIONS_FORM,
            error=error,
            applications=[
                (one, flow.shown(client, place.language), flow.told(" ".join(one.scope), one.claims))
                for one, client in known
                if client is not None
            ],
            withdrawn="withdrawn" in request.args,
        )

    return pages


def _form_id(waiting: Waiting, signed_in: SignedIn) -> str:
    """Of one request and one person: who signed in meanwhile in another tab does not answer for the one who read it."""
    return f"consent:{waiting.id}:{signed_in.account_id}"
