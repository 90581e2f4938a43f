"""Dynamic registration: what is registered is kept, shown, compared, or refused."""

from __future__ import annotations

import json

from tests.conformance.modules import NO_ASSERTION, STATIC, WITHOUT_CODE, module
from tests.conformance.suite import jose
from tests.conformance.suite.conditions import authorization, http, registration
from tests.conformance.suite.run import Run


def _shown_on_login_page(run: Run, member: str, attribute: str) -> None:
    path = f"{run.path}/{member}"
    body, kind = (
        ("<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml") if "logo" in member else ("", "text/html")
    )
    uri = run.relying_party.publish(path, body, kind)
    client = run.client(**{member: uri})
    with run.fresh_arrivals():
        run.open(run.request(client))
        authorization.expect_login_page_with(run.browser.pictures, attribute, uri)


@module("oidcc-registration-logo-uri", client_registration=STATIC, server_metadata=("static",))
def registration_logo_uri(run: Run) -> None:
    _shown_on_login_page(run, "logo_uri", "src")


@module("oidcc-registration-policy-uri", client_registration=STATIC, server_metadata=("static",))
def registration_policy_uri(run: Run) -> None:
    _shown_on_login_page(run, "policy_uri", "href")


@module("oidcc-registration-tos-uri", client_registration=STATIC, server_metadata=("static",))
def registration_tos_uri(run: Run) -> None:
    _shown_on_login_page(run, "tos_uri", "href")


@module(
    "oidcc-registration-jwks-uri",
    client_auth_type=(*NO_ASSERTION, "client_secret_jwt"),
    response_type=WITHOUT_CODE,
    client_registration=STATIC,
)
def registration_jwks_uri(run: Run) -> None:
    document = json.dumps(jose.public(jose.key_pair()))
    uri = run.relying_party.publish(f"{run.path}/jwks", document, "application/json")
    run.sign_in(run.client(jwks=None, jwks_uri=uri))


@module("oidcc-registration-sector-uri", client_registration=STATIC, server_metadata=("static",))
def registration_sector_uri(run: Run) -> None:
    uri = run.relying_party.publish(f"{run.path}/sector", json.dumps([run.redirect_uri]), "application/json")
    run.sign_in(run.client(subject_type="pairwise", sector_identifier_uri=uri))


@module("oidcc-registration-sector-bad", client_registration=STATIC, server_metadata=("static",))
def registration_sector_bad(run: Run) -> None:
    others = [f"{run.relying_party.base}/somebody-else"]
    uri = run.relying_party.publish(f"{run.path}/sector", json.dumps(others), "application/json")
    response = run.register(subject_type="pairwise", sector_identifier_uri=uri)
    http.ensure_content_type_json(response)
    http.ensure_http_status_code_is_400(response)
    run.should(registration.check_error_from_dynamic_registration_endpoint, response.json(), "invalid_client_metadata")


@module("oidcc-3rd_party-init-login", client_registration=STATIC)
def third_party_init_login(run: Run) -> None:
    uri = f"{run.relying_party.base}{run.path}/initiate_login"
    client = run.client(initiate_login_uri=uri)
    registration.validate_initiate_login_uri(client.metadata, uri)
    headers = {"Authorization": f"Bearer {client.metadata['registration_access_token']}"}
    response = run.http.get(client.metadata["registration_client_uri"], headers=headers)
    http.ensure_http_status_code_is_200(response)
    http.ensure_content_type_json(response)
    answer = response.json()
    registration.validate_initiate_login_uri(answer, uri)
    # Each reading may bring a new token (RFC 7592 3); deleting the client needs the last one.
    client.metadata |= {k: answer[k] for k in ("registration_access_token",) if k in answer}


@module("oidcc-3rd_party-init-login-nohttps", client_registration=STATIC)
def third_party_init_login_nohttps(run: Run) -> None:
    uri = f"{run.relying_party.base}{run.path}/initiate_login".replace("https:", "http:").replace(
        "127.0.0.1", "rp.test"
    )
    response = run.register(initiate_login_uri=uri)
    http.ensure_content_type_json(response)
    http.ensure_http_status_code_is_400(response)
    registration.check_error_from_dynamic_registration_endpoint(response.json(), "invalid_client_metadata")
