"""Pages of sign-in: the codes, the identifier and password, help, and the texts of the terms."""

from __future__ import annotations

from flask import Blueprint, Response, request

from idp.accounts import typos
from idp.database import reading
from idp.errors import AgencyUnknown, FieldError, ForeignPost, PageNotFound, TooManyAttempts
from idp.login import flow, steps
from idp.login.steps import GoesOn, NotMe
from idp.sessions.store import SignedIn
from idp.tenancy import resolve
from idp.terms import store as terms
from idp.texts import LANGUAGES
from idp.web import browser as browsers
from idp.web import csrf, forms
from idp.web.site import Pending, Place, Site

LOGIN_FORM = "login"
CODES_FORM = "codes"
_AFTER_CODES = {"": "/login", "provisional": "/login/provisional", "reset": "/reset"}


def blueprint(site: Site) -> Blueprint:
    pages = Blueprint("login", __name__)

    @pages.get("/")
    def home() -> Response:
        return site.see_other("/login")

    @pages.get("/login")
    def sign_in() -> Response:
        try:
            place = site.place()
        except AgencyUnknown:
            return site.ask_codes("")
        signed_in = site.signed_in()
        if signed_in is not None and place.pending is not None and place.pending.goes_on_with(signed_in):
            return site.see_other(f"/oauth/authorize/{place.pending.id}/continue")
        if not place.known:
            return site.ask_codes("")
        hint = place.pending.login_hint if place.pending else ""
        return show_sign_in(place, {"identifier": hint}, None, signed_in)

    @pages.post("/login")
    def submit() -> Response:
        try:
            place = site.place()
        except AgencyUnknown:
            return site.ask_codes("")
        try:
            form = site.form(LOGIN_FORM)
            outcome = steps.sign_in(
                site.deps,
                identifier=form["identifier"],
                password=form["password"],
                browser_digest=site.browser().digest,
                network=site.network(),
                agency_id=place.agency.id if place.agency else None,
                device=site.device(),
            )
        except FieldError as error:
            return show_sign_in(place, site.posted(), error)
        response = site.follow(outcome, place.pending)
        if place.agency is not None:
            codes = f"{place.agency.customer_code}/{place.agency.company_code}"
            browsers.remember_agency(response, site.deps, codes)
        return response

    def show_sign_in(
        place: Place, values: dict[str, str], error: FieldError | None, signed_in: SignedIn | None = None
    ) -> Response:
        return site.page(
            "login/sign_in.html",
            place,
            form_id=LOGIN_FORM,
            values=values,
            error=error,
            too_many=isinstance(error, TooManyAttempts),
            letter_hint=error is not None and flow.looks_like_a_letters(values.get("identifier", "@")),
            signed_in=signed_in,
            may_go_on=signed_in is not None and (place.pending is None or place.pending.settled_by(signed_in)),
            chooses=place.pending is not None and place.pending.chooses,
            meant=typos.meant(values.get("identifier", "")) if error is not None else None,
            reset_done=request.args.get("reset") == "done",
        )

    @pages.post("/login/continue")
    def go_on() -> Response:
        """From "vous êtes connecté": on to the portal with the sign-in that is there."""
        place = site.place()
        token = site.session_token()
        try:
            site.form(LOGIN_FORM)
        except FieldError:
            return site.see_other(place.url("/login"))
        if token is None or site.signed_in() is None:
            return site.see_other(place.url("/login"))
        return site.follow(
            GoesOn(token, place.agency.id if place.agency else None, place.pending.id if place.pending else None)
        )

    @pages.post("/login/not-me")
    def not_me() -> Response:
        """Several people at one computer: the sign-in that is there ends, the page and what it is for stay."""
        place = site.place()
        signed_in = site.signed_in()
        try:
            site.form(LOGIN_FORM)
        except FieldError:
            return site.see_other(place.url("/login"))
        if signed_in is None:
            return site.see_other(place.url("/login"))
        response = site.follow(
            NotMe(
                signed_in,
                agency_id=place.agency.id if place.agency else None,
                authorization_id=place.pending.id if place.pending else None,
            )
        )
        browsers.forget_session(response, site.deps)
        return response

    @pages.get("/login/continue")
    @pages.get("/login/not-me")
    def go_on_opened() -> Response:
        """The address of a form, opened by itself (reload, history): back to the page of the form."""
        return site.see_other(site.place().url("/login"))

    # --- the two codes -----------------------------------------------------------------------------------------------

    @pages.get("/login/codes")
    def codes() -> Response:
        then = request.args.get("then", "")
        if not any(request.args.get(name) for name in (resolve.CUSTOMER, resolve.COMPANY)):
            return show_codes(then, None)
        try:
            place = site.place()
        except FieldError as error:
            return show_codes(then, error)
        return site.see_other(place.url(_AFTER_CODES.get(then, "/login")))

    @pages.post("/login/codes")
    def submit_codes() -> Response:
        then = request.args.get("then", "")
        try:
            form = site.form(CODES_FORM)
            with reading() as db:
                agency = resolve.by_codes(db, form["client"], form["societe"])
        except FieldError as error:
            return show_codes(then, error)
        return site.see_other(Place(agency, pending(), "").url(_AFTER_CODES.get(then, "/login")))

    def pending() -> Pending | None:
        authorization_id = request.args.get("authorization")
        return site.pending(authorization_id, site.browser()) if authorization_id else None

    def show_codes(then: str, error: FieldError | None) -> Response:
        waiting = pending()
        place = Place(None, waiting, site.language(waiting.ui_locales if waiting else ""))
        client, company = browsers.remembered_agency(request)
        values = site.posted() or {
            resolve.CUSTOMER: forms.tidy(request.args.get(resolve.CUSTOMER, client))[:40],
            resolve.COMPANY: forms.tidy(request.args.get(resolve.COMPANY, company))[:40],
        }
        then = then if then in _AFTER_CODES else ""
        return site.page("login/codes.html", place, form_id=CODES_FORM, values=values, error=error, then=then)

    # --- language, help, terms, well-known -------------------------------------------------------------------------------

    @pages.post("/language")
    def language() -> Response:
        """Keep the language that was chosen, and show the page again in it.

        The form's token is not asked for, so that it works at once where cookies were lost: a foreign page could
        change a language and nothing else, and is refused anyway by what the browser says of it.
        """
        if csrf.foreign(request, site.deps):
            raise ForeignPost()
        response = site.see_other(site.asked_from() or site.place().url("/login"))
        chosen = forms.read(request)["language"]
        if chosen in LANGUAGES:
            browsers.remember_language(response, site.deps, chosen)
        return response

    @pages.get("/language")
    def language_opened() -> Response:
        return site.see_other("/login")

    @pages.get("/help")
    def help_() -> Response:
        return site.page("login/help.html", site.place())

    @pages.get("/legal/<document>")
    def legal(document: str) -> Response:
        if document not in ("terms", "privacy"):
            raise PageNotFound()
        with reading() as db:
            current = terms.current(db)
        if current is None:
            raise PageNotFound()
        text = current.terms_of_use if document == "terms" else current.privacy_policy
        return site.page(
            "login/legal.html",
            site.place(),
            document=document,
            paragraphs=[p for p in text.replace("\r\n", "\n").split("\n\n") if p.strip()],
            version=current.version,
            published_at=current.published_at,
        )

    @pages.get("/.well-known/change-password")
    def change_password() -> Response:
        """Where password managers send people (W3C, "A Well-Known URL for Changing Passwords")."""
        return site.see_other("/profile/password")

    return pages
