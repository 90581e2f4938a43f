"""Logout: RP-Initiated 1.0, Back-Channel 1.0, Front-Channel 1.0, Session Management 1.0."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlsplit

from tests.conformance.suite import jose
from tests.conformance.suite.browser import Arrival
from tests.conformance.suite.findings import condition, ensure, found, refute
from tests.conformance.suite.relying_party import Received

EVENT = "http://schemas.openid.net/event/backchannel-logout"


def _arrival_at(arrivals: list[Arrival], uri: str) -> Arrival:
    came = [arrival for arrival in arrivals if arrival.url.split("?")[0] == uri]
    ensure(came, f"{uri} was not called: {[arrival.url for arrival in arrivals]}")
    return came[-1]


@condition("OIDCRIL-2")
def expect_post_logout_redirect(arrivals: list[Arrival], uri: str) -> Arrival:
    """The browser was sent to the registered address."""
    return _arrival_at(arrivals, uri)


@condition("OIDCRIL-2", "OIDCRIL-3")
def expect_no_post_logout_redirect(arrivals: list[Arrival], path: str) -> None:
    came = [arrival.url for arrival in arrivals if urlsplit(arrival.url).path == path]
    ensure(not came, f"sent to {came}, which must not be")


@condition("OIDCRIL-2")
def check_post_logout_state(arrival: Arrival, state: str) -> None:
    ensure(arrival.query.get("state") == [state], f"state is {arrival.query.get('state')}")


@condition("OIDCRIL-2")
def check_no_post_logout_state(arrival: Arrival) -> None:
    ensure("state" not in arrival.query, f"state is {arrival.query.get('state')}")


@condition("OIDCRIL-2", "OIDCRIL-3")
def check_for_unexpected_parameters_in_post_logout_redirect(arrival: Arrival) -> None:
    ensure(not set(arrival.query) - {"state"}, f"unexpected: {sorted(arrival.query)}")


@condition("OIDCRIL-2")
def expect_logout_page(pictures: list[str]) -> None:
    """A page that says so: an error, a question, or that the person is signed out."""
    ensure(pictures, "no page was shown that the browser block recognises")


# --- back channel ----------------------------------------------------------------------------------------------------


@condition("OIDCBCL-2.5")
def extract_logout_token(request: Received | None) -> jose.Token:
    if request is None:
        refute("backchannel_logout_uri was not called")
    ensure(request.method == "POST", f"called by {request.method}")
    ensure(request.content_type == "application/x-www-form-urlencoded", f"content-type {request.content_type!r}")
    ensure(len(request.form.get("logout_token", [])) == 1, f"logout_token is not there once: {sorted(request.form)}")
    return jose.read(request.form["logout_token"][0])


@condition("OIDCBCL-2.5")
def check_for_unexpected_parameters_in_backchannel_logout_request(request: Received) -> None:
    ensure(set(request.form) == {"logout_token"} and not request.query, f"{sorted(request.form)} {request.query}")


@condition("RFC9325-3.1.1")
def ensure_incoming_tls13(request: Received) -> None:
    ensure(request.tls == "TLSv1.3", f"the provider came by {request.tls}")


@condition("OIDCBCL-2.4")
def validate_logout_token_claims(claims: dict[str, Any], *, issuer: str, client_id: str) -> None:
    now = time.time()
    ensure(claims.get("iss") == issuer, f"iss is {claims.get('iss')!r}")
    audience = claims.get("aud")
    ensure(audience == client_id or (isinstance(audience, list) and client_id in audience), f"aud is {audience!r}")
    ensure(abs(found(claims, "iat", int) - now) < 300, "iat is not now")
    ensure(found(claims, "exp", int) > now, "exp is in the past")
    ensure(found(claims, "jti", str), "jti is empty")
    events = found(claims, "events", dict)
    ensure(events.get(EVENT) == {}, f"events is {events!r}")


@condition("OIDCBCL-2.4")
def check_logout_token_no_nonce(claims: dict[str, Any]) -> None:
    ensure("nonce" not in claims, "a logout token must not have a nonce, lest it be taken for an ID token")


@condition("OIDCBCL-2.4")
def check_logout_token_has_sub_or_sid(claims: dict[str, Any], id_token: dict[str, Any]) -> None:
    ensure("sub" in claims or "sid" in claims, "neither sub nor sid")
    for name in ("sub", "sid"):
        if name in claims:
            ensure(claims[name] == id_token.get(name), f"{name} is {claims[name]!r}, not {id_token.get(name)!r}")
    ensure("sid" in claims, "sid is missing, and backchannel_logout_session_required was registered")


# --- front channel ---------------------------------------------------------------------------------------------------


@condition("OIDCFCL-2")
def expect_frontchannel_logout(arrivals: list[Arrival], uri: str) -> Arrival:
    return _arrival_at(arrivals, uri)


@condition("OIDCFCL-2")
def check_for_unexpected_parameters_in_frontchannel_logout_request(arrival: Arrival) -> None:
    ensure(not set(arrival.query) - {"iss", "sid"}, f"unexpected: {sorted(arrival.query)}")


@condition("OIDCFCL-2")
def validate_frontchannel_logout_iss(arrival: Arrival, issuer: str) -> None:
    ensure(arrival.query.get("iss") == [issuer], f"iss is {arrival.query.get('iss')}")


@condition("OIDCFCL-2", "OIDCFCL-3")
def check_id_token_sid_matches_front_channel_logout_request(arrival: Arrival, id_token: dict[str, Any]) -> None:
    ensure(arrival.query.get("sid") == [found(id_token, "sid", str)], f"sid is {arrival.query.get('sid')}")


# --- session management ----------------------------------------------------------------------------------------------


@condition("OIDCSM-3.1")
def check_session_result_is(result: str, expected: str) -> None:
    ensure(result == expected, f"the iframe says {result!r}, not {expected!r}")
