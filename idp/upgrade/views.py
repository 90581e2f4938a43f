"""Pages of the upgrade (source, section I): letter, address, password, waiting, link."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request

from idp.accounts import typos
from idp.database import reading
from idp.errors import AddressUnlikely, AgencyUnknown, FieldError
from idp.passwords.policy import PRESETS
from idp.terms import store as terms
from idp.upgrade import mailing, proof, steps, store
from idp.upgrade.flow import State, UpgradeFlow
from idp.upgrade.outcomes import UpgradeAt
from idp.web import forms
from idp.web.forms import Form
from idp.web.site import Place, Site

LETTER_FORM = "letter"
LINK_FORM = "upgrade-link"


def blueprint(site: Site) -> Blueprint:
    pages = Blueprint("upgrade", __name__)

    def load(flow_id: str) -> UpgradeFlow:
        with reading() as db:
            return store.load(db, flow_id, now=site.deps.now(), browser_digest=site.browser().digest)

    def place_of(flow: UpgradeFlow) -> Place:
        return site.place(agency_id=flow.agency_id, authorization_id=flow.authorization_id)

    def now_at(flow: UpgradeFlow) -> Response:
        return site.follow(UpgradeAt(flow, site.browser().digest))

    # --- the letter --------------------------------------------------------------------------------------------------

    @pages.get("/login/provisional")
    def letter() -> Response:
        return show_letter(None, None)

    @pages.post("/login/provisional")
    def submit_letter() -> Response:
        form: Form | None = None
        try:
            form = site.form(LETTER_FORM)
            place = site.place()
            if place.agency is None:
                raise AgencyUnknown()
            outcome = steps.prove_letter(
                site.deps,
                agency_id=place.agency.id,
                identifier=form["provisional_identifier"],
                password=form["provisional_password"],
                browser_digest=site.browser().digest,
                network=site.network(),
                authorization_id=place.pending.id if place.pending else None,
                anew="anew" in request.args,
            )
        except FieldError as error:
            return show_letter(form, error)
        return site.follow(outcome)

    def show_letter(form: Form | None, error: FieldError | None) -> Response:
        try:
            place = site.place()
        except AgencyUnknown:
            return site.ask_codes("provisional")
        if place.agency is None:
            return site.ask_codes("provisional")
        values = form.shown if form else site.posted()
        more = {"anew": "1"} if "anew" in request.args else {}
        action = place.url("/login/provisional", **more)
        return site.page("upgrade/letter.html", place, form_id=LETTER_FORM, values=values, error=error, action=action)

    @pages.post("/login/provisional/new-letter")
    def submit_new_letter() -> Response:
        """From the page that says that the letter has expired, which is shown to who typed its credentials right."""
        try:
            letter_id = forms.read(request)["letter"]
            site.form(f"{steps.NEW_LETTER_FORM}:{letter_id}")
        except FieldError as error:
            return show_letter(None, error)
        steps.ask_new_letter(site.deps, letter_id=letter_id, network=site.network())
        return site.see_other(site.place().url("/login/provisional/new-letter"))

    @pages.get("/login/provisional/new-letter")
    def new_letter() -> Response:
        return site.page("upgrade/letter_asked.html", site.place())

    # --- the address -------------------------------------------------------------------------------------------------

    @pages.get("/upgrade/<flow_id>")
    def resume(flow_id: str) -> Response:
        return now_at(load(flow_id))

    @pages.get("/upgrade/<flow_id>/email")
    def email(flow_id: str) -> Response:
        flow = load(flow_id)
        return show_email(flow, {"email": flow.email or ""}, None) if flow.open else now_at(flow)

    @pages.post("/upgrade/<flow_id>/email")
    def submit_email(flow_id: str) -> Response:
        try:
            form = site.form(flow_id)
            outcome = steps.choose_address(
                site.deps,
                flow_id=flow_id,
                browser_digest=site.browser().digest,
                version=form.version,
                typed=form["email"],
                sure=form["sure"],
            )
        except FieldError as error:
            flow = load(flow_id)
            return show_email(flow, site.posted(), error) if flow.open else now_at(flow)
        return site.follow(outcome)

    def show_email(flow: UpgradeFlow, values: dict[str, str], error: FieldError | None) -> Response:
        typed = values.get("email", "")
        meant = typos.meant(typed) if error is None or isinstance(error, AddressUnlikely) else None
        return site.page(
            "upgrade/email.html",
            place_of(flow),
            form_id=flow.id,
            values=values,
            error=error,
            flow=flow,
            meant=meant,
            sure=typed if meant else "",
        )

    # --- the password ------------------------------------------------------------------------------------------------

    @pages.get("/upgrade/<flow_id>/password")
    def password(flow_id: str) -> Response:
        flow = load(flow_id)
        return show_password(flow, None) if chooses(flow) else now_at(flow)

    @pages.post("/upgrade/<flow_id>/password")
    def submit_password(flow_id: str) -> Response:
        try:
            form = site.form(flow_id)
            outcome = steps.choose_password(
                site.deps,
                flow_id=flow_id,
                browser_digest=site.browser().digest,
                version=form.version,
                new_password=form["new_password"],
                confirmation=form["confirmation"],
                terms_accepted=form["accept_terms"] in ("yes", "on"),
                language=language_of(flow_id),
                asked_on=site.machine(),
            )
        except FieldError as error:
            flow = load(flow_id)
            return show_password(flow, error) if chooses(flow) else now_at(flow)
        return site.follow(outcome)

    def language_of(flow_id: str) -> str:
        """The language that the mail is written in: that of the page it was asked from."""
        return place_of(load(flow_id)).language

    def chooses(flow: UpgradeFlow) -> bool:
        return flow.state in (State.AWAITING_PASSWORD, State.AWAITING_CONFIRMATION)

    def show_password(flow: UpgradeFlow, error: FieldError | None) -> Response:
        with reading() as db:
            published = terms.current_id(db) is not None
        return site.page(
            "upgrade/password.html",
            place_of(flow),
            form_id=flow.id,
            values=site.posted() if error else {},
            error=error,
            flow=flow,
            criteria=PRESETS[site.deps.settings.password_policy].criteria,
            terms_published=published,
        )

    # --- waiting for the mail ----------------------------------------------------------------------------------------

    @pages.get("/upgrade/<flow_id>/sent")
    def sent(flow_id: str) -> Response:
        flow = load(flow_id)
        return show_sent(flow, {}, None) if waits(flow) else now_at(flow)

    @pages.get("/upgrade/<flow_id>/sent/status")
    def status(flow_id: str) -> Response:
        """What the waiting page's script asks: whether the flow moved, and what became of the mail."""
        flow = load(flow_id)
        with reading() as db:
            newest = mailing.newest(db, site.deps, flow)
        return jsonify(waiting=flow.state is State.AWAITING_CONFIRMATION, mail=newest.state if newest else "")

    @pages.post("/upgrade/<flow_id>/resend")
    def resend(flow_id: str) -> Response:
        try:
            form = site.form(flow_id)
            outcome = mailing.resend(
                site.deps,
                flow_id=flow_id,
                browser_digest=site.browser().digest,
                version=form.version,
                language=language_of(flow_id),
                asked_on=site.machine(),
            )
        except FieldError as error:
            return after_failure(flow_id, error)
        return site.follow(outcome)

    @pages.get("/upgrade/<flow_id>/resend")
    @pages.get("/upgrade/<flow_id>/continue")
    def posted_address(flow_id: str) -> Response:
        """The address of a form, opened by itself (reload, history): to where the flow is."""
        return now_at(load(flow_id))

    @pages.get("/upgrade/<flow_id>/code")
    def code(flow_id: str) -> Response:
        """The waiting page with the field of the code: without a script the other one is reloaded now and then."""
        flow = load(flow_id)
        return show_sent(flow, {}, None, typing=True) if waits(flow) else now_at(flow)

    @pages.post("/upgrade/<flow_id>/code")
    def submit_code(flow_id: str) -> Response:
        try:
            form = site.form(flow_id)
            outcome = proof.confirm_by_code(
                site.deps,
                flow_id=flow_id,
                browser_digest=site.browser().digest,
                code=form["code"],
                password=form["password"],
                network=site.network(),
            )
        except FieldError as error:
            return after_failure(flow_id, error)
        return site.follow(outcome)

    @pages.post("/upgrade/<flow_id>/continue")
    def follow(flow_id: str) -> Response:
        try:
            site.form(flow_id)
        except FieldError as error:
            return after_failure(flow_id, error)
        return site.follow(proof.follow(site.deps, flow_id=flow_id, browser_digest=site.browser().digest))

    def waits(flow: UpgradeFlow) -> bool:
        """Waiting for the mail, or confirmed elsewhere and about to go on here."""
        owed = flow.state is State.COMPLETED and flow.followed_at is None and flow.code_suffices
        return owed or flow.state is State.AWAITING_CONFIRMATION

    def after_failure(flow_id: str, error: FieldError) -> Response:
        flow = load(flow_id)
        return show_sent(flow, site.posted(), error, typing=True) if waits(flow) else now_at(flow)

    def show_sent(
        flow: UpgradeFlow, values: dict[str, str], error: FieldError | None, *, typing: bool = False
    ) -> Response:
        """typing: the field of the code is open, so nothing may reload the page."""
        with reading() as db:
            newest = mailing.newest(db, site.deps, flow)
            resend_from = mailing.resend_from(db, site.deps, flow)
        return site.page(
            "upgrade/sent.html",
            place_of(flow),
            form_id=flow.id,
            values=values,
            error=error,
            flow=flow,
            confirmed=flow.state is State.COMPLETED,
            mail=newest,
            mail_works=newest is not None and newest.state != "refused" and newest.until > site.deps.now(),
            resend_from=resend_from,
            sender=site.deps.settings.mail_from,
            typing=typing,
            refreshes=not typing and "stay" not in request.args,
        )

    # --- the mailed link ---------------------------------------------------------------------------------------------

    @pages.get("/upgrade/confirm/<token>")
    def link(token: str) -> Response:
        return show_link(token, None)

    @pages.post("/upgrade/confirm/<token>")
    def submit_link(token: str) -> Response:
        try:
            form = site.form(LINK_FORM)
            outcome = proof.confirm_by_link(
                site.deps,
                token=token,
                browser_digest=site.browser().digest,
                password=form["password"],
                network=site.network(),
            )
        except FieldError as error:
            return show_link(token, error)
        return site.follow(outcome)

    def show_link(token: str, error: FieldError | None) -> Response:
        mailed, flow = proof.open_link(site.deps, token)
        here = flow.browser_digest == site.browser().digest
        signed_in = site.signed_in()
        place = site.place(agency_id=flow.agency_id, authorization_id=flow.authorization_id if here else "")
        return site.page(
            "upgrade/link.html",
            place,
            form_id=LINK_FORM,
            error=error,
            flow=flow,
            mailed=mailed,
            token=token,
            somebody_else=signed_in.email if signed_in else None,
        )

    return pages
