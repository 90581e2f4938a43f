"""Pages of the merge (source, section II): Fusion de comptes, Comptes associés."""

from __future__ import annotations

from flask import Blueprint, Response

from idp.database import reading
from idp.errors import FieldError
from idp.merge import steps, store
from idp.merge.flow import MergeFlow, State
from idp.merge.steps import MergeAt
from idp.web.site import Place, Site


def blueprint(site: Site) -> Blueprint:
    pages = Blueprint("merge", __name__)

    def load(flow_id: str) -> MergeFlow:
        with reading() as db:
            return store.load(db, flow_id, now=site.deps.now(), browser_digest=site.browser().digest)

    def place_of(flow: MergeFlow) -> Place:
        return site.place(agency_id=flow.agency_id, authorization_id=flow.authorization_id)

    @pages.get("/merge/<flow_id>")
    def offer(flow_id: str) -> Response:
        return show(flow_id, None)

    @pages.post("/merge/<flow_id>")
    def submit(flow_id: str) -> Response:
        try:
            form = site.form(flow_id)
            outcome = steps.submit_password(
                site.deps,
                flow_id=flow_id,
                browser_digest=site.browser().digest,
                password=form["password"],
                network=site.network(),
                device=site.device(),
                language=place_of(load(flow_id)).language,
            )
        except FieldError as error:
            return show(flow_id, error)
        return site.follow(outcome)

    @pages.get("/merge/<flow_id>/other-address")
    def other_address_opened(flow_id: str) -> Response:
        """The address of a form, opened by itself: to where the merge is."""
        return site.follow(MergeAt(load(flow_id)))

    @pages.post("/merge/<flow_id>/other-address")
    def other_address(flow_id: str) -> Response:
        try:
            site.form(flow_id)
        except FieldError as error:
            return show(flow_id, error)
        return site.follow(steps.want_other_address(site.deps, flow_id=flow_id, browser_digest=site.browser().digest))

    def show(flow_id: str, error: FieldError | None) -> Response:
        flow = load(flow_id)
        if flow.state is not State.AWAITING_PASSWORD:
            return site.follow(MergeAt(flow))
        return site.page("merge/offer.html", place_of(flow), form_id=flow.id, error=error, flow=flow)

    @pages.get("/merge/<flow_id>/done")
    def done(flow_id: str) -> Response:
        flow = load(flow_id)
        if flow.state is not State.MERGED:
            return site.follow(MergeAt(flow))
        place = place_of(flow)
        signed_in = site.signed_in()
        if signed_in is None or signed_in.account_id != flow.account_id:
            # What is associated is the person's: not for whoever goes back after a sign-out on a shared computer.
            return site.see_other(place.url("/login"))
        return site.page("merge/done.html", place, form_id="login", flow=flow, places=steps.associated(flow))

    return pages
