"""Codes and refresh tokens, and who may use them."""

from __future__ import annotations

import json
import time

from tests.conformance.modules import NO_ASSERTION, STATIC, WITHOUT_CODE, module
from tests.conformance.suite import jose
from tests.conformance.suite.client import Client
from tests.conformance.suite.conditions import http, id_token, metadata, tokens
from tests.conformance.suite.findings import Skipped
from tests.conformance.suite.run import Flow, Run


@module("oidcc-codereuse", response_type=WITHOUT_CODE)
def codereuse(run: Run) -> None:
    flow = run.sign_in(run.client())
    response = run.exchange(flow)
    run.should(tokens.server_allowed_reusing_authorization_code, response)
    if response.status_code != 200:
        tokens.check_token_endpoint_http_status_400(response)
        run.check_token_error(response, "invalid_grant")


@module("oidcc-codereuse-30seconds", response_type=WITHOUT_CODE)
def codereuse_30seconds(run: Run) -> None:
    flow = run.sign_in(run.client())
    run.pause(30)
    response = run.exchange(flow)
    tokens.check_token_endpoint_http_status_400(response)
    run.check_token_error(response, "invalid_grant")
    run.should(http.ensure_http_status_code_is_4xx, run.userinfo(flow.tokens["access_token"]))


def _asks_for_refreshing(run: Run) -> dict[str, str]:
    """offline_access needs prompt=consent (OIDC Core 11), where the provider has that scope."""
    if "offline_access" not in run.metadata.get("scopes_supported", []):
        return {}
    return {"scope": "openid offline_access", "prompt": "consent"}


def _grants(run: Run) -> list[str]:
    hybrid = run.variant.response_type != "code"
    return ["authorization_code", *(["implicit"] if hybrid else []), "refresh_token"]


def _refreshable(run: Run, client: Client) -> Flow:
    flow = run.sign_in(client, **_asks_for_refreshing(run))
    if "refresh_token" not in flow.tokens:
        run.should(metadata.ensure_server_configuration_does_not_support_refresh_token, run.metadata)
        raise Skipped("no refresh token was issued")
    run.should(metadata.ensure_server_configuration_supports_refresh_token, run.metadata)
    tokens.ensure_refresh_token_contains_allowed_characters_only(flow.tokens["refresh_token"])
    return flow


def _refreshed(run: Run, flow: Flow, client: Client, **more: str) -> str:
    """Refresh and check what comes; the refresh token to use next."""
    run.until_after(int(time.time()), 0)
    answer = run.check_tokens(run.refresh(client, flow.tokens["refresh_token"], **more))
    if "refresh_token" in answer:
        tokens.ensure_refresh_token_contains_allowed_characters_only(answer["refresh_token"])
        tokens.ensure_minimum_refresh_token_length(answer["refresh_token"])
    if "id_token" in answer:
        token = id_token.extract_id_token(answer)
        id_token.validate_id_token_signature(token, run.keys())
        id_token.compare_id_token_claims(flow.claims, token.claims)
    http.ensure_http_status_code_is_200(run.userinfo(answer["access_token"]))
    return str(answer.get("refresh_token", flow.tokens["refresh_token"]))


@module("oidcc-refresh-token", response_type=WITHOUT_CODE)
def refresh_token(run: Run) -> None:
    first_client = run.client(grant_types=_grants(run))
    first = _refreshable(run, first_client)
    _refreshed(run, first, first_client, scope=first.request["scope"])
    second_client = run.second_client(grant_types=_grants(run))
    second = _refreshable(run, second_client)
    held = _refreshed(run, second, second_client)
    run.check_token_error(run.refresh(first_client, held), "invalid_grant")


@module(
    "oidcc-refresh-token-rp-key-rotation",
    response_type=WITHOUT_CODE,
    client_registration=STATIC,
    client_auth_type=(*NO_ASSERTION, "client_secret_jwt"),
)
def refresh_token_rp_key_rotation(run: Run) -> None:
    """A key that the provider has not seen: it must fetch the key set again (OIDC Core 10.1.1)."""
    path = f"{run.path}/jwks"
    uri = run.relying_party.publish(path, json.dumps(jose.public(jose.key_pair())), "application/json")
    client = run.client(jwks=None, jwks_uri=uri, grant_types=_grants(run))
    flow = _refreshable(run, client)
    client.key = jose.key_pair(1)
    run.relying_party.publish(path, json.dumps(jose.public(client.key)), "application/json")
    # The official suite waits for a minute, which is how long a provider may keep a key set.
    run.within(60, lambda: _refreshed(run, flow, client))


@module("oidcc-ensure-client-assertion-with-iss-aud-succeeds", client_auth_type=NO_ASSERTION)
def ensure_client_assertion_with_iss_aud_succeeds(run: Run) -> None:
    client = run.client()
    request = run.request(client)
    flow = run.accept(client, request, run.answer(request))
    if not run.variant.includes("code"):
        return
    form = {"grant_type": "authorization_code", "code": flow.answer["code"], "redirect_uri": client.redirect_uri}
    response = run.token_request(client, form, audience=run.issuer)
    run.should(tokens.check_if_token_endpoint_response_error, response)
    if response.status_code == 200:
        run.check_tokens(response)
    else:
        run.check_token_error(response, "invalid_client")
