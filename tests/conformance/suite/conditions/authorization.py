"""Answers of the authorization endpoint: OIDC Core 3.1.2.5, 3.1.2.6, 3.2.2.5, 3.3.2.5; RFC 9207; Form Post 2."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.conformance.suite.browser import Arrival, Page
from tests.conformance.suite.findings import condition, ensure, found

Answer = dict[str, str]
_OF_AN_ERROR = {"error", "error_description", "error_uri", "state", "iss", "session_state"}
_NEEDS_A_PAGE = ("login_required", "interaction_required", "account_selection_required", "consent_required")


@condition("RFC6749-3.1.2", "OIDCC-3.1.2.5")
def check_matching_callback_parameters(arrival: Arrival, redirect_uri: str) -> None:
    """The registered address as it was, its own query kept."""
    asked, came = urlsplit(redirect_uri), urlsplit(arrival.url)
    ensure((asked.netloc, asked.path) == (came.netloc, came.path), f"sent to {arrival.url}, not to {redirect_uri}")
    for name, values in parse_qs(asked.query).items():
        ensure(arrival.query.get(name) == values, f"{name} of the redirect URI is lost: {arrival.url}")


@condition("OIDCC-3.3.2.5")
def reject_auth_code_in_url_query(arrival: Arrival) -> None:
    ensure("code" not in arrival.query, f"a code in the query: {arrival.url}")


@condition("OAuth2-RT-5")
def reject_error_in_url_query(arrival: Arrival) -> None:
    ensure("error" not in arrival.query, f"an error in the query: {arrival.url}")


@condition("OAuth2-FP-2")
def check_callback_http_method_is_post(arrival: Arrival) -> None:
    ensure(arrival.method == "POST", f"the answer came by {arrival.method}: {arrival.url}")


@condition("OAuth2-FP-2")
def check_callback_content_type_is_form_url_encoded(arrival: Arrival) -> None:
    ensure(arrival.content_type == "application/x-www-form-urlencoded", f"content-type {arrival.content_type!r}")


@condition("RFC6749-3.1")
def read_answer(arrival: Arrival, where: str) -> Answer:
    """The parameters, each once. where: query, fragment or form."""
    values = arrival.form if where == "form" else arrival.fragment if where == "fragment" else arrival.query
    for name, several in values.items():
        ensure(len(several) == 1, f"{name} comes {len(several)} times")
    return {name: several[0] for name, several in values.items()}


@condition("RFC9207-2.4")
def check_iss_in_authorization_response(answer: Answer, metadata: dict[str, Any]) -> None:
    """The issuer, where it is promised; an answer with an ID token says it there already."""
    promised = metadata.get("authorization_response_iss_parameter_supported") and "id_token" not in answer
    if promised or "iss" in answer:
        ensure(answer.get("iss") == metadata["issuer"], f"iss is {answer.get('iss')!r}")


@condition("OIDCC-3.1.2.5", "OIDCC-3.1.2.6")
def check_state_in_authorization_response(answer: Answer, state: str) -> None:
    ensure(answer.get("state") == state, f"state is {answer.get('state')!r}, not {state!r}")


@condition("OIDCC-3.1.2.6")
def check_if_authorization_endpoint_error(answer: Answer) -> None:
    ensure("error" not in answer, f"the provider answers {answer.get('error')}: {answer.get('error_description')}")


@condition("OIDCC-3.1.2.5", "OIDCC-3.2.2.5", "OIDCC-3.3.2.5")
def check_parts_of_authorization_response(answer: Answer, response_type: str) -> None:
    """Exactly what the response type asks for."""
    for part, names in {
        "code": ("code",),
        "token": ("access_token", "token_type"),
        "id_token": ("id_token",),
    }.items():
        for name in names:
            wanted = part in response_type.split()
            ensure(
                (name in answer) == wanted, f"{name} {'is missing' if wanted else 'was not asked for'}: {list(answer)}"
            )
    if "token_type" in answer:
        ensure(answer["token_type"].lower() == "bearer", f"token_type is {answer['token_type']!r}")
    if "expires_in" in answer:
        ensure(answer["expires_in"].isdigit() and int(answer["expires_in"]) > 0, f"expires_in {answer['expires_in']!r}")


@condition("RFC6749-10.10", "RFC6819-5.1.4.2-2")
def ensure_minimum_authorization_code_length(code: str) -> None:
    ensure(len(code) >= 22, f"128 bits need 22 characters of base64url; the code has {len(code)}")


@condition("RFC6749-10.10", "RFC6819-5.1.4.2-2")
def ensure_minimum_entropy(secret: str) -> None:
    """96 bits by Shannon's measure of the characters that are there."""
    counts = Counter(secret).values()
    bits = -sum(n / len(secret) * math.log2(n / len(secret)) for n in counts) * len(secret)
    ensure(bits >= 96, f"about {bits:.0f} bits")


# --- errors ----------------------------------------------------------------------------------------------------------


@condition("OIDCC-3.1.2.6")
def ensure_error_from_authorization_endpoint_response(answer: Answer) -> None:
    found(answer, "error", str)
    ensure("code" not in answer and "access_token" not in answer and "id_token" not in answer, f"not only: {answer}")


@condition("OIDCC-3.1.2.6")
def check_for_unexpected_parameters_in_error_response(answer: Answer) -> None:
    ensure(not set(answer) - _OF_AN_ERROR, f"unexpected: {sorted(set(answer) - _OF_AN_ERROR)}")


@condition("OIDCC-3.1.2.6")
def check_error_from_authorization_endpoint_is_one_that_required_a_user_interface(answer: Answer) -> None:
    ensure(answer.get("error") in _NEEDS_A_PAGE, f"error is {answer.get('error')!r}")


@condition("RFC6749-3.1.1", "OIDCC-3.2.2.1", "OIDCC-3.3.2.11", "OIDCC-6.1")
def check_error_from_authorization_endpoint(answer: Answer, *expected: str) -> None:
    ensure(answer.get("error") in expected, f"error is {answer.get('error')!r}, not {' or '.join(expected)}")


@condition("OIDCC-3.1.2.1", "RFC6749-3.1.2")
def expect_error_page(page: Page, pictures: list[str]) -> None:
    """A page for the person, shown and not redirected, that the browser block recognised."""
    ensure(page.status, f"the browser was sent to {page.url}")
    ensure(pictures, f"the page was not recognised: {page.text[:300]}")
    ensure(page.status < 500, f"status {page.status}")


@condition("OIDCC-3.1.2.1", "OIDCR-2")
def expect_login_page(pictures: list[str]) -> None:
    ensure(pictures, "no sign-in page was shown")


@condition("OIDCR-2")
def expect_login_page_with(pictures: list[str], attribute: str, address: str) -> None:
    """What was registered is on the page: the logo, or the link."""
    ensure(pictures, "no sign-in page was shown")
    ensure(f'{attribute}="{address}"' in pictures[-1], f"{address} is not on the page")


@condition("OIDCC-3.1.2.1")
def expect_redirect_uri_has_been_called(arrivals: list[Arrival]) -> None:
    ensure(arrivals, "the redirect URI was not called")


@condition("OIDCSM-2")
def extract_session_state_from_authorization_response(answer: Answer) -> str:
    state = found(answer, "session_state", str)
    ensure(state and " " not in state, f"session_state is {state!r}")
    return str(state)
