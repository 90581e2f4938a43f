"""What answers look like: status, type, caching, errors (RFC 6749 5, RFC 6750 3)."""

from __future__ import annotations

import re
from typing import Any

import httpx2 as httpx

from tests.conformance.suite.findings import condition, ensure

_ERROR = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]+")  # RFC 6749 A.7 and A.8
_URI = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")  # RFC 6749 A.9


def document(response: httpx.Response) -> dict[str, Any]:
    """The JSON object of an answer. Raises Refuted."""
    try:
        value = response.json()
    except ValueError:
        value = None
    ensure(isinstance(value, dict), f"not a JSON object: {response.status_code} {response.text[:300]!r}")
    return value  # type: ignore[no-any-return]


def _is(response: httpx.Response, kind: str) -> bool:
    return str(response.headers.get("content-type", "")).split(";")[0].strip().lower() == kind


@condition("OIDCC-5.3.2", "OIDCC-3.1.3.4", "OIDCD-4", "OIDCD-4.3")
def ensure_content_type_json(response: httpx.Response) -> None:
    ensure(_is(response, "application/json"), f"content-type is {response.headers.get('content-type')!r}")


@condition("OIDCC-5.3.2")
def ensure_content_type_application_jwt(response: httpx.Response) -> None:
    ensure(_is(response, "application/jwt"), f"content-type is {response.headers.get('content-type')!r}")


@condition("OIDCC-5.3.1", "OIDCD-4", "OIDCD-4.3")
def ensure_http_status_code_is_200(response: httpx.Response) -> None:
    ensure(response.status_code == 200, f"status {response.status_code}: {response.text[:300]}")


@condition("OIDCR-3.3", "OIDCC-3.1.3.4")
def ensure_http_status_code_is_400(response: httpx.Response) -> None:
    ensure(response.status_code == 400, f"status {response.status_code}: {response.text[:300]}")


@condition("RFC6749-4.1.2", "RFC6750-3.1")
def ensure_http_status_code_is_4xx(response: httpx.Response) -> None:
    ensure(400 <= response.status_code < 500, f"status {response.status_code}: {response.text[:300]}")


@condition("RFC6749-5.1", "OIDCC-3.1.3.3")
def check_token_endpoint_cache_headers(response: httpx.Response) -> None:
    ensure("no-store" in response.headers.get("cache-control", ""), "cache-control lacks no-store")


@condition("RFC6749-5.2")
def validate_error_from_token_endpoint_response_error(error: dict[str, Any]) -> None:
    ensure(
        isinstance(error.get("error"), str) and _ERROR.fullmatch(error["error"]),
        f"error has characters outside of %x20-21 / %x23-5B / %x5D-7E: {error.get('error')!r}",
    )


@condition("RFC6749-5.2")
def check_error_description_contains_crlftab(error: dict[str, Any]) -> None:
    ensure(not re.search(r"[\r\n\t]", str(error.get("error_description", ""))), "CR, LF or TAB in error_description")


@condition("RFC6749-5.2")
def validate_error_description(error: dict[str, Any]) -> None:
    if "error_description" in error:
        ensure(
            _ERROR.fullmatch(re.sub(r"[\r\n\t]", "", str(error["error_description"]))),
            f"error_description has characters that are not allowed: {error['error_description']!r}",
        )


@condition("RFC6749-5.2")
def validate_error_uri(error: dict[str, Any]) -> None:
    if "error_uri" in error:
        ensure(_URI.fullmatch(str(error["error_uri"])), f"error_uri is no URI: {error['error_uri']!r}")
