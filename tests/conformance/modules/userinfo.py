"""The userinfo endpoint, and which claims a scope or the `claims` parameter brings."""

from __future__ import annotations

import json

import httpx2 as httpx

from tests.conformance.modules import NO_ACCESS_TOKEN, STATIC, module
from tests.conformance.suite.conditions import http, id_token, metadata, userinfo
from tests.conformance.suite.findings import condition, ensure
from tests.conformance.suite.run import Flow, Run


@module("oidcc-userinfo-get", response_type=NO_ACCESS_TOKEN)
def userinfo_get(run: Run) -> None:
    flow = run.sign_in(run.client())
    assert flow.access_token
    run.check_userinfo(run.userinfo(flow.access_token), flow)


@module("oidcc-userinfo-post-header", response_type=NO_ACCESS_TOKEN)
def userinfo_post_header(run: Run) -> None:
    flow = run.sign_in(run.client())
    headers = {"Authorization": f"Bearer {flow.access_token}"}
    run.check_userinfo(run.http.post(run.metadata["userinfo_endpoint"], headers=headers), flow)


@condition("OIDCC-5.3.1", "RFC6750-2.2")
def access_token_in_body_is_supported(response: httpx.Response) -> None:
    ensure(response.status_code == 200, f"status {response.status_code}")


@module("oidcc-userinfo-post-body", response_type=NO_ACCESS_TOKEN)
def userinfo_post_body(run: Run) -> None:
    flow = run.sign_in(run.client())
    response = run.http.post(run.metadata["userinfo_endpoint"], data={"access_token": flow.access_token})
    run.should(access_token_in_body_is_supported, response)
    if response.status_code == 200:
        run.check_userinfo(response, flow)


@module("oidcc-userinfo-rs256", client_registration=STATIC, response_type=NO_ACCESS_TOKEN)
def userinfo_rs256(run: Run) -> None:
    metadata.check_disc_endpoint_userinfo_signing_alg_values_supported_contains_rs256(run.metadata)
    client = run.client(userinfo_signed_response_alg="RS256")
    flow = run.sign_in(client)
    assert flow.access_token
    response = run.userinfo(flow.access_token)
    http.ensure_http_status_code_is_200(response)
    http.ensure_content_type_application_jwt(response)
    claims = userinfo.validate_signed_userinfo(response, run.keys(), "RS256")
    run.should(userinfo.validate_signed_userinfo_standard_jwt_claims, claims, issuer=run.issuer, client_id=client.id)
    userinfo.ensure_userinfo_does_not_contain_nonce(claims)
    run.check_userinfo_claims(claims, flow)


# --- scopes ----------------------------------------------------------------------------------------------------------


def _scope(run: Run, scope: str, **request: str) -> Flow:
    """Ask for scopes, and look for their claims where they belong: userinfo, or the ID token if that is all there is."""
    supported = run.metadata.get("scopes_supported", scope.split())
    run.skip_unless(set(scope.split()) <= set(supported), f"not offered: {scope}")
    flow = run.sign_in(run.client(), scope=scope, **request)
    claims = run.check_userinfo(run.userinfo(flow.access_token), flow) if flow.access_token else flow.claims
    run.should(userinfo.verify_scopes_returned, claims, scope)
    return flow


@module("oidcc-scope-profile")
def scope_profile(run: Run) -> None:
    _scope(run, "openid profile")


@module("oidcc-scope-email")
def scope_email(run: Run) -> None:
    _email_only(run, _scope(run, "openid email"))


@module("oidcc-scope-address")
def scope_address(run: Run) -> None:
    _scope(run, "openid address")


@module("oidcc-scope-phone")
def scope_phone(run: Run) -> None:
    _scope(run, "openid phone")


@module("oidcc-scope-all")
def scope_all(run: Run) -> None:
    _scope(run, "openid profile email phone address")


def _email_only(run: Run, flow: Flow) -> None:
    run.should(id_token.ensure_id_token_does_not_contain_name, flow.claims)
    if flow.access_token:
        run.should(id_token.ensure_id_token_does_not_contain_email_for_scope_email, flow.claims)
        run.should(userinfo.ensure_userinfo_does_not_contain_name, run.userinfo(flow.access_token).json())


@module("oidcc-alternate-happy-flow")
def alternate_happy_flow(run: Run) -> None:
    """Scopes and parameters in another order than usual (RFC 6749 3.3)."""
    scope = "email openid"
    client = run.client()
    request = run.request(client, scope=scope)
    request = {name: request[name] for name in reversed(request)}
    flow = run.complete(client, request, run.answer(request))
    claims = run.check_userinfo(run.userinfo(flow.access_token), flow) if flow.access_token else flow.claims
    run.should(userinfo.verify_scopes_returned, claims, scope)
    _email_only(run, flow)


@module("oidcc-claims-essential")
def claims_essential(run: Run) -> None:
    place = "id_token" if run.variant.response_type == "id_token" else "userinfo"
    flow = _scope(run, "openid", claims=json.dumps({place: {"name": {"essential": True}}}))
    if flow.access_token:
        run.should(userinfo.ensure_userinfo_contains_name, run.userinfo(flow.access_token).json())
        run.should(id_token.ensure_id_token_does_not_contain_name, flow.claims)
    else:
        run.should(id_token.ensure_id_token_contains_name, flow.claims)
