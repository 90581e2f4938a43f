"""Userinfo: OIDC Core 5.3, 5.4, 5.6.2."""

from __future__ import annotations

import time
from typing import Any

import httpx2 as httpx

from tests.conformance.suite import jose
from tests.conformance.suite.conditions import standard_claims
from tests.conformance.suite.conditions.http import document
from tests.conformance.suite.findings import condition, ensure, found

Claims = dict[str, Any]


@condition("OIDCC-5.3.2")
def extract_userinfo(response: httpx.Response) -> Claims:
    return document(response)


@condition("OIDCC-5.1")
def validate_userinfo_standard_claims(claims: Claims) -> None:
    wrong = standard_claims.problems(claims)
    ensure(not wrong, "; ".join(wrong))


@condition("OIDCC-5.3.2")
def ensure_userinfo_contains_sub(claims: Claims) -> None:
    found(claims, "sub", str)


@condition("OIDCC-5.1")
def ensure_userinfo_updated_at_valid(claims: Claims) -> None:
    if "updated_at" in claims:
        ensure(0 < claims["updated_at"] <= time.time() + 300, f"updated_at is {claims['updated_at']!r}")


@condition("OIDCC-5.6.2")
def ensure_claim_names_and_claim_sources_match(claims: Claims) -> None:
    sources = claims.get("_claim_sources", {})
    for name, source in claims.get("_claim_names", {}).items():
        ensure(source in sources, f"_claim_names.{name} names a source that is not there")


@condition("OIDCC-5.3.2")
def verify_userinfo_and_id_token_same_sub(claims: Claims, id_token: Claims) -> None:
    ensure(claims.get("sub") == id_token.get("sub"), f"sub is {claims.get('sub')!r}, not {id_token.get('sub')!r}")


@condition("OIDCC-5.4")
def verify_scopes_returned(claims: Claims, scope: str) -> None:
    lacking = standard_claims.missing(claims, scope)
    ensure(not lacking, f"not returned: {' '.join(lacking)}")


@condition("OIDCC-5.5", "OIDCC-5.5.1")
def ensure_userinfo_contains_name(claims: Claims) -> None:
    ensure(claims.get("name"), "name was asked for and is missing")


@condition("OIDCC-5.5", "OIDCC-5.5.1")
def ensure_userinfo_does_not_contain_name(claims: Claims) -> None:
    ensure("name" not in claims, "name was not asked for")


# --- signed ----------------------------------------------------------------------------------------------------------


@condition("OIDCC-5.3.2")
def validate_signed_userinfo(response: httpx.Response, keys: list[Claims], algorithm: str) -> Claims:
    token = jose.read(response.text.strip())
    ensure(token.header.get("alg") == algorithm, f"alg is {token.header.get('alg')!r}")
    jose.verify(token, [key for key in keys if key.get("kid") == token.header.get("kid", key.get("kid"))])
    return token.claims


@condition("OIDCC-5.3.2")
def validate_signed_userinfo_standard_jwt_claims(claims: Claims, *, issuer: str, client_id: str) -> None:
    ensure(claims.get("iss") == issuer, f"iss is {claims.get('iss')!r}")
    audience = claims.get("aud")
    ensure(audience == client_id or (isinstance(audience, list) and client_id in audience), f"aud is {audience!r}")
    ensure(claims.get("exp", time.time() + 1) > time.time(), "exp is in the past")


@condition("OIDCC-5.3.2", "OIDCC-5.1")
def ensure_userinfo_does_not_contain_nonce(claims: Claims) -> None:
    ensure("nonce" not in claims, "nonce belongs to ID tokens")
