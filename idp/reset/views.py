"""Pages of the reset (source, section IV a)."""

from __future__ import annotations

import re

from flask import Blueprint, Response, jsonify, request

from idp.accounts import typos
from idp.database import reading
from idp.errors import AgencyUnknown, FieldError
from idp.passwords.policy import PRESETS
from idp.reset import flow as flow_rules
from idp.reset import steps, store
from idp.reset.flow import ResetFlow, State
from idp.reset.steps import PasswordReset
from idp.web.site import Place, Site

ASK_FORM = "reset"
LINK_FORM = "reset-link"
_FLOW_ID = re.compile(r"[A-Za-z0-9_-]{22}")


def blueprint(site: Site) -> Blueprint:
    pages = Blueprint("reset", __name__)

    def load(flow_id: str) -> ResetFlow:
        with reading() as db:
            return store.load(db, flow_id, now=site.deps.now())

    def place_of(flow: ResetFlow) -> Place:
        here = flow.browser_digest == site.browser().digest
        return site.place(agency_id=flow.agency_id, authorization_id=flow.authorization_id if here else "")

    @pages.get("/reset")
    def ask() -> Response:
        try:
            place = site.place()
        except AgencyUnknown:
            return site.ask_codes("reset")
        if not place.known:
            return site.ask_codes("reset")
        return show_ask(place, {"identifier": request.args.get("identifier", "")[:254]}, None)

    @pages.post("/reset")
    def submit() -> Response:
        try:
            place = site.place()
        except AgencyUnknown:
            return site.ask_codes("reset")
        try:
            form = site.form(ASK_FORM)
            if flow_rules.names_a_letter(form["identifier"]):
                return site.see_other(url(place, "/reset/letter"))
            outcome = steps.ask(
                site.deps,
                identifier=form["identifier"],
                browser_digest=site.browser().digest,
                network=site.network(),
                agency_id=place.agency.id if place.agency else None,
                authorization_id=place.pending.id if place.pending else None,
                merge_flow_id=merge_asked() or None,
                language=place.language,
                asked_on=site.machine(),
            )
        except FieldError as error:
            return show_ask(place, site.posted(), error)
        return site.follow(outcome)

    def show_ask(place: Place, values: dict[str, str], error: FieldError | None) -> Response:
        return site.page("reset/ask.html", place, form_id=ASK_FORM, values=values, error=error, merge=merge_asked())

    def merge_asked() -> str:
        """The id of the merge that was left for this reset; empty for none, and for what is no id."""
        asked = request.args.get("merge", "")
        return asked if _FLOW_ID.fullmatch(asked) else ""

    def url(place: Place, path: str) -> str:
        """A page of the reset that goes back to the merge it was left for."""
        return place.url(path, merge=merge_asked()) if merge_asked() else place.url(path)

    @pages.get("/reset/letter")
    def letter() -> Response:
        """A letter's identifier was typed instead of an address: nothing is lost, the letter opens the way."""
        place = site.place()
        return site.page("reset/letter.html", place, back=url(place, "/reset"))

    @pages.get("/reset/<flow_id>/sent")
    def sent(flow_id: str) -> Response:
        """The same words whoever the address belongs to. The address is shown where it was typed, and nowhere else."""
        flow = load(flow_id)
        here = flow.browser_digest == site.browser().digest
        if flow.state is State.COMPLETED:
            return site.follow(PasswordReset(flow, here=here))
        return site.page(
            "reset/sent.html",
            place_of(flow),
            flow=flow,
            here=here,
            sender=site.deps.settings.mail_from,
            until=flow.created_at + site.deps.settings.link_validity,
            meant=typos.meant(flow.email) if here else None,
            refreshes="stay" not in request.args,
        )

    @pages.get("/reset/<flow_id>/sent/status")
    def status(flow_id: str) -> Response:
        """What the waiting page's script asks. Nothing of the mail: who has none here is not to be told apart."""
        return jsonify(waiting=load(flow_id).state is not State.COMPLETED, mail="")

    @pages.get("/reset/confirm/<token>")
    def link(token: str) -> Response:
        return show_link(token, None)

    @pages.post("/reset/confirm/<token>")
    def submit_link(token: str) -> Response:
        try:
            form = site.form(LINK_FORM)
            outcome = steps.set_password(
                site.deps,
                token=token,
                browser_digest=site.browser().digest,
                new_password=form["new_password"],
                confirmation=form["confirmation"],
                language=site.language(),
                changed_on=site.machine(),
            )
        except FieldError as error:
            return show_link(token, error)
        return site.follow(outcome)

    def show_link(token: str, error: FieldError | None) -> Response:
        mailed, flow = steps.open_link(site.deps, token)
        return site.page(
            "reset/password.html",
            place_of(flow),
            form_id=LINK_FORM,
            error=error,
            flow=flow,
            mailed=mailed,
            token=token,
            criteria=PRESETS[site.deps.settings.password_policy].criteria,
        )

    @pages.get("/reset/<flow_id>/done")
    def done(flow_id: str) -> Response:
        flow = load(flow_id)
        if flow.state is not State.COMPLETED:
            return site.see_other(place_of(flow).url("/login"))
        place = place_of(flow)
        here = flow.browser_digest == site.browser().digest
        onward = f"/merge/{flow.merge_flow_id}" if here and flow.merge_flow_id else place.url("/login", reset="done")
        return site.page("reset/done.html", place, flow=flow, onward=onward, stay="stay" in request.args)

    return pages
