"""HTTP of the authorization endpoint (OIDC Core 3.1.2)."""

from __future__ import annotations

from flask import Blueprint, Response, request

from idp.errors import MalformedRequest
from idp.oidc.authorize import steps
from idp.oidc.authorize.steps import AccountOfHint
from idp.web.site import Site


def blueprint(site: Site, account_of_hint: AccountOfHint) -> Blueprint:
    endpoint = Blueprint("authorize", __name__)

    @endpoint.get("/oauth/authorize")
    def authorize() -> Response:
        return site.follow(
            steps.authorize(
                site.deps,
                list(request.args.items(multi=True)),
                browser_digest=site.browser().digest,
                signed_in=site.signed_in(),
                account_of_hint=account_of_hint,
            )
        )

    @endpoint.post("/oauth/authorize")
    def authorize_posted() -> Response:
        """From another site, so without our cookies: kept, and come back for with GET."""
        if request.mimetype != "application/x-www-form-urlencoded":
            raise MalformedRequest()
        pairs = [*request.form.items(multi=True), *request.args.items(multi=True)]
        return site.follow(
            steps.authorize(
                site.deps,
                pairs,
                browser_digest="",
                signed_in=None,
                account_of_hint=account_of_hint,
                posted=True,
            )
        )

    @endpoint.get("/oauth/authorize/<authorization_id>/continue")
    def resume(authorization_id: str) -> Response:
        return site.follow(
            steps.resume(
                site.deps,
                authorization_id,
                browser_digest=site.browser().digest,
                signed_in=site.signed_in(),
            )
        )

    return endpoint
