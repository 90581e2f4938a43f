"""Redirect URIs are compared character by character, and nobody is sent to any other (OIDC Core 3.1.2.1)."""

from __future__ import annotations

from tests.conformance.modules import STATIC, module
from tests.conformance.suite.conditions import authorization, http, registration
from tests.conformance.suite.run import Request, Run


def _shown(run: Run, request: Request) -> None:
    """The failure is shown to the person, and the browser sent nowhere."""
    with run.fresh_arrivals():
        run.open(request)
        authorization.expect_error_page(run.browser.page, run.browser.pictures)


@module("oidcc-ensure-registered-redirect-uri")
def ensure_registered_redirect_uri(run: Run) -> None:
    client = run.client()
    _shown(run, run.request(client, redirect_uri=f"{client.redirect_uri}/not-registered"))


@module("oidcc-ensure-redirect-uri-in-authorization-request", client_registration=STATIC)
def ensure_redirect_uri_in_authorization_request(run: Run) -> None:
    client = run.client(redirect_uris=[run.redirect_uri, f"{run.redirect_uri}-2"])
    _shown(run, run.request(client, redirect_uri=None))


@module("oidcc-redirect-uri-query-OK", client_registration=STATIC)
def redirect_uri_query_ok(run: Run) -> None:
    run.sign_in(run.client(redirect_uris=[f"{run.redirect_uri}?foo=bar"]))


@module("oidcc-redirect-uri-query-mismatch", client_registration=STATIC)
def redirect_uri_query_mismatch(run: Run) -> None:
    client = run.client(redirect_uris=[f"{run.redirect_uri}?foo=bar"])
    _shown(run, run.request(client, redirect_uri=f"{run.redirect_uri}?bar=foo"))


@module("oidcc-redirect-uri-query-added")
def redirect_uri_query_added(run: Run) -> None:
    client = run.client()
    _shown(run, run.request(client, redirect_uri=f"{client.redirect_uri}?foo=bar"))


@module("oidcc-redirect-uri-regfrag", client_registration=STATIC, server_metadata=("static",))
def redirect_uri_regfrag(run: Run) -> None:
    response = run.register(redirect_uris=[f"{run.redirect_uri}#foobar"])
    http.ensure_content_type_json(response)
    http.ensure_http_status_code_is_400(response)
    run.should(
        registration.check_error_from_dynamic_registration_endpoint,
        response.json(),
        "invalid_redirect_uri",
        "invalid_client_metadata",
    )
