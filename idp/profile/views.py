"""Pages of the profile (source, section IV b)."""

from __future__ import annotations

from flask import Blueprint, Response, request

from idp.accounts.memberships import store as memberships
from idp.audit import store as audit
from idp.database import reading
from idp.errors import FieldError
from idp.passwords.policy import PRESETS
from idp.profile import steps
from idp.sessions.store import SignedIn
from idp.web.site import Site

PASSWORD_FORM = "profile-password"


def blueprint(site: Site) -> Blueprint:
    pages = Blueprint("profile", __name__)

    @pages.get("/profile")
    def profile() -> Response:
        signed_in = site.signed_in()
        if signed_in is None:
            return site.see_other(site.place().url("/login"))
        with reading() as db:
            places = memberships.places(db, signed_in.account_id)
            previous = audit.last_at(db, "login.succeeded", subject=signed_in.account_id, but_cause=signed_in.id)
        return site.page(
            "profile/profile.html",
            site.place(),
            form_id="logout",
            signed_in=signed_in,
            places=places,
            previous=previous,
            opens=site.opens({place.agency_id for place in places}),
            changed="changed" in request.args,
            welcome="welcome" in request.args,
        )

    @pages.get("/profile/password")
    def password() -> Response:
        signed_in = site.signed_in()
        return site.see_other(site.place().url("/login")) if signed_in is None else show(signed_in, None)

    @pages.post("/profile/password")
    def submit_password() -> Response:
        signed_in = site.signed_in()
        if signed_in is None:
            return site.see_other(site.place().url("/login"))
        try:
            form = site.form(PASSWORD_FORM)
            outcome = steps.change_password(
                site.deps,
                signed_in,
                network=site.network(),
                device=site.device(),
                current=form["current_password"],
                new=form["new_password"],
                confirmation=form["confirmation"],
                language=site.place().language,
                changed_on=site.machine(),
            )
        except FieldError as error:
            return show(signed_in, error)
        return site.follow(outcome)

    def show(signed_in: SignedIn, error: FieldError | None) -> Response:
        return site.page(
            "profile/password.html",
            site.place(),
            form_id=PASSWORD_FORM,
            error=error,
            signed_in=signed_in,
            criteria=PRESETS[site.deps.settings.password_policy].criteria,
        )

    return pages
