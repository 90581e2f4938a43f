"""Signing out: started by the relying party, and told to it by back channel, front channel or the session iframe."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from urllib.parse import urlencode

from tests.conformance.modules import module
from tests.conformance.suite import jose
from tests.conformance.suite.browser import Arrival
from tests.conformance.suite.chromium import SessionPage
from tests.conformance.suite.client import Client
from tests.conformance.suite.conditions import authorization, id_token, logout
from tests.conformance.suite.run import Flow, Request, Run

_NOTICE_SECONDS = 15


def _return_uri(run: Run) -> str:
    return f"{run.relying_party.base}{run.path}/post_logout_redirect"


def _signed_in(run: Run, **registered: object) -> Flow:
    return run.sign_in(run.client(post_logout_redirect_uris=[_return_uri(run)], **registered))


def _logout_request(run: Run, flow: Flow) -> Request:
    return {
        "id_token_hint": flow.id_token,
        "post_logout_redirect_uri": _return_uri(run),
        "state": secrets.token_urlsafe(12),
    }


def _end_session(run: Run, request: Request) -> list[Arrival]:
    """Send the browser to the end_session_endpoint; what comes to the relying party."""
    with run.fresh_arrivals() as arrivals:
        endpoint = run.metadata["end_session_endpoint"]
        run.browser.visit(f"{endpoint}?{urlencode(request)}" if request else endpoint)
        return list(arrivals)


def _returned(run: Run, request: Request, arrivals: list[Arrival]) -> None:
    """Back at the relying party, with the state and nothing else."""
    arrival = logout.expect_post_logout_redirect(arrivals, _return_uri(run))
    if "state" in request:
        logout.check_post_logout_state(arrival, request["state"])
    else:
        logout.check_no_post_logout_state(arrival)
    run.should(logout.check_for_unexpected_parameters_in_post_logout_redirect, arrival)


def _signed_out(run: Run, client: Client) -> None:
    answer = run.refusal(run.request(client, prompt="none"))
    authorization.check_error_from_authorization_endpoint_is_one_that_required_a_user_interface(answer)


@module("oidcc-rp-initiated-logout")
def rp_initiated_logout(run: Run) -> None:
    flow = _signed_in(run)
    request = _logout_request(run, flow)
    _returned(run, request, _end_session(run, request))
    _signed_out(run, flow.client)


@module("oidcc-rp-initiated-logout-no-state")
def rp_initiated_logout_no_state(run: Run) -> None:
    flow = _signed_in(run)
    request = _logout_request(run, flow)
    del request["state"]
    _returned(run, request, _end_session(run, request))
    _signed_out(run, flow.client)


# --- requests that end on a page of the provider ---------------------------------------------------------------------


def _stays(run: Run, change: Callable[[Request, Flow], Request]) -> Flow:
    """A changed request leads to a page, never to the relying party."""
    flow = _signed_in(run)
    arrivals = _end_session(run, change(_logout_request(run, flow), flow))
    logout.expect_no_post_logout_redirect(arrivals, f"{run.path}/post_logout_redirect")
    logout.expect_logout_page(run.browser.pictures)
    return flow


@module("oidcc-rp-initiated-logout-bad-post-logout-redirect-uri")
def rp_initiated_logout_bad_uri(run: Run) -> None:
    _stays(run, lambda request, _: request | {"post_logout_redirect_uri": f"{_return_uri(run)}-not-registered"})


@module("oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri")
def rp_initiated_logout_query_added(run: Run) -> None:
    _stays(run, lambda request, _: request | {"post_logout_redirect_uri": f"{_return_uri(run)}?foo=bar"})


@module("oidcc-rp-initiated-logout-modified-id-token-hint")
def rp_initiated_logout_modified_id_token_hint(run: Run) -> None:
    _stays(run, lambda request, flow: request | {"id_token_hint": jose.unsigned(flow.claims)})


@module("oidcc-rp-initiated-logout-bad-id-token-hint")
def rp_initiated_logout_bad_id_token_hint(run: Run) -> None:
    """The right claims, signed by somebody else."""

    def forged(request: Request, flow: Flow) -> Request:
        secret = flow.client.secret or secrets.token_urlsafe(32)
        return request | {"id_token_hint": jose.signed(flow.claims, jose.OctKey.import_key(secret), "HS256")}

    _stays(run, forged)


@module("oidcc-rp-initiated-logout-no-id-token-hint")
def rp_initiated_logout_no_id_token_hint(run: Run) -> None:
    _stays(run, lambda request, _: {k: v for k, v in request.items() if k != "id_token_hint"})


@module("oidcc-rp-initiated-logout-no-params")
def rp_initiated_logout_no_params(run: Run) -> None:
    flow = _stays(run, lambda _request, _flow: {})
    _signed_out(run, flow.client)


@module("oidcc-rp-initiated-logout-no-post-logout-redirect-uri")
def rp_initiated_logout_no_uri(run: Run) -> None:
    flow = _stays(run, lambda request, _: {k: request[k] for k in ("id_token_hint", "state")})
    _signed_out(run, flow.client)


@module("oidcc-rp-initiated-logout-only-state")
def rp_initiated_logout_only_state(run: Run) -> None:
    flow = _stays(run, lambda request, _: {"state": request["state"]})
    _signed_out(run, flow.client)


# --- the relying party is told ---------------------------------------------------------------------------------------


@module("oidcc-backchannel-rp-initiated-logout")
def backchannel_rp_initiated_logout(run: Run) -> None:
    path = f"{run.path}/backchannel_logout"
    flow = _signed_in(
        run, backchannel_logout_uri=run.relying_party.base + path, backchannel_logout_session_required=True
    )
    request = _logout_request(run, flow)
    arrivals = _end_session(run, request)
    received = run.relying_party.wait_for(path, _NOTICE_SECONDS)
    token = logout.extract_logout_token(received)
    assert received is not None
    run.should(logout.ensure_incoming_tls13, received)
    run.should(logout.check_for_unexpected_parameters_in_backchannel_logout_request, received)
    id_token.validate_id_token_signature(token, run.keys())
    logout.validate_logout_token_claims(token.claims, issuer=run.issuer, client_id=flow.client.id)
    logout.check_logout_token_no_nonce(token.claims)
    logout.check_logout_token_has_sub_or_sid(token.claims, flow.claims)
    _returned(run, request, arrivals)
    _signed_out(run, flow.client)


@module("oidcc-frontchannel-rp-initiated-logout")
def frontchannel_rp_initiated_logout(run: Run) -> None:
    uri = f"{run.relying_party.base}{run.path}/frontchannel_logout"
    flow = _signed_in(run, frontchannel_logout_uri=uri, frontchannel_logout_session_required=True)
    request = _logout_request(run, flow)
    arrivals = _end_session(run, request)
    told = logout.expect_frontchannel_logout(arrivals, uri)
    run.should(logout.check_for_unexpected_parameters_in_frontchannel_logout_request, told)
    logout.validate_frontchannel_logout_iss(told, run.issuer)
    logout.check_id_token_sid_matches_front_channel_logout_request(told, flow.claims)
    _returned(run, request, arrivals)
    _signed_out(run, flow.client)


@module("oidcc-session-management-rp-initiated-logout")
def session_management_rp_initiated_logout(run: Run) -> None:
    """The provider's iframe, in a real browser, says whether the sign-in of the relying party still holds."""
    flow = _signed_in(run)
    state = authorization.extract_session_state_from_authorization_response(flow.answer)
    with SessionPage(run, flow.client.id, state) as page:
        logout.check_session_result_is(page.ask(), "unchanged")
        request = _logout_request(run, flow)
        _returned(run, request, _end_session(run, request))
        page.take_cookies()
        logout.check_session_result_is(page.ask(), "changed")
    _signed_out(run, flow.client)
