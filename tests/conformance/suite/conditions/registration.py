"""Dynamic registration: OIDC Dynamic Client Registration 1.0, RFC 7591, RFC 7592."""

from __future__ import annotations

from typing import Any

import httpx2 as httpx

from tests.conformance.suite.conditions.http import document
from tests.conformance.suite.findings import condition, ensure, found


@condition("OIDCR-3.2", "RFC7591-3.2.1")
def check_registration_response(response: httpx.Response) -> dict[str, Any]:
    """201 with the client's metadata."""
    ensure(response.status_code == 201, f"status {response.status_code}: {response.text[:500]}")
    answer = document(response)
    found(answer, "client_id", str)
    if "client_secret" in answer:
        ensure("client_secret_expires_at" in answer, "client_secret_expires_at must come with client_secret")
    ensure(
        ("registration_client_uri" in answer) == ("registration_access_token" in answer),
        "registration_client_uri and registration_access_token come together",
    )
    return answer


@condition("RFC7592-2.3")
def unregister_dynamically_registered_client(response: httpx.Response) -> None:
    ensure(response.status_code == 204, f"status {response.status_code}: {response.text[:300]}")


@condition("OIDCR-3.3", "RFC6749-3.1.2")
def check_error_from_dynamic_registration_endpoint(error: dict[str, Any], *expected: str) -> None:
    ensure(error.get("error") in expected, f"error is {error.get('error')!r}, not {' or '.join(expected)}")


@condition("OIDCR-3.2", "OIDCD-4.3")
def validate_initiate_login_uri(answer: dict[str, Any], expected: str) -> None:
    ensure(answer.get("initiate_login_uri") == expected, f"initiate_login_uri: {answer.get('initiate_login_uri')!r}")
