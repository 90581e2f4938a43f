"""Answers of the token endpoint: RFC 6749 4.1.4, 5 and 6; OIDC Core 3.1.3 and 12.2."""

from __future__ import annotations

import re
from typing import Any

import httpx2 as httpx

from tests.conformance.suite.conditions.http import document
from tests.conformance.suite.findings import condition, ensure, found

_TOKEN = re.compile(r"[\x20-\x7e]+")  # RFC 6749 A.12 and A.17


@condition("RFC6749-5.1")
def check_if_token_endpoint_response_error(response: httpx.Response) -> dict[str, Any]:
    answer = document(response)
    ensure("error" not in answer, f"{response.status_code} {answer.get('error')}: {answer.get('error_description')}")
    ensure(response.status_code == 200, f"status {response.status_code}")
    return answer


@condition("RFC6749-5.1")
def check_for_access_token_value(answer: dict[str, Any]) -> None:
    ensure(_TOKEN.fullmatch(found(answer, "access_token", str)), "access_token has characters that are not allowed")
    ensure(found(answer, "token_type", str).lower() == "bearer", f"token_type is {answer['token_type']!r}")


@condition("RFC6749-5.1")
def extract_expires_in_from_token_endpoint_response(answer: dict[str, Any]) -> None:
    found(answer, "expires_in", int)


@condition("RFC6749-5.1")
def validate_expires_in(answer: dict[str, Any]) -> None:
    value = answer.get("expires_in", 1)
    ensure(isinstance(value, int) and not isinstance(value, bool) and value > 0, f"expires_in is {value!r}")


@condition("RFC6749-A.17")
def ensure_refresh_token_contains_allowed_characters_only(token: str) -> None:
    ensure(_TOKEN.fullmatch(token), "refresh_token has characters that are not allowed")


@condition("RFC6749-10.10")
def ensure_minimum_refresh_token_length(token: str) -> None:
    ensure(len(token) >= 22, f"128 bits need 22 characters; the refresh token has {len(token)}")


@condition("OIDCC-3.1.3.4")
def check_token_endpoint_http_status_400(response: httpx.Response) -> None:
    ensure(response.status_code == 400, f"status {response.status_code}: {response.text[:300]}")


@condition("RFC6749-5.2")
def check_token_endpoint_http_status_is_400_allowing_401_for_invalid_client(response: httpx.Response) -> None:
    allowed = (400, 401) if document(response).get("error") == "invalid_client" else (400,)
    ensure(response.status_code in allowed, f"status {response.status_code}: {response.text[:300]}")


@condition("RFC6749-5.2")
def check_error_from_token_endpoint_response(response: httpx.Response, *expected: str) -> dict[str, Any]:
    answer = document(response)
    ensure(answer.get("error") in expected, f"error is {answer.get('error')!r}, not {' or '.join(expected)}")
    return answer


@condition("OIDCC-3.1.3.4", "RFC6749-10.5")
def server_allowed_reusing_authorization_code(response: httpx.Response) -> None:
    ensure(response.status_code != 200, "the code bought tokens a second time")
