"""ID tokens: OIDC Core 2, 3.1.3.7, 3.2.2.11, 3.3.2.11, 5.1, 10.1, 12.2."""

from __future__ import annotations

import base64
import hashlib
import time
from typing import Any

from tests.conformance.suite import jose
from tests.conformance.suite.conditions.standard_claims import problems
from tests.conformance.suite.findings import condition, ensure, found

_SKEW_SECONDS = 5 * 60
_HASHES = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}
Claims = dict[str, Any]


@condition("OIDCC-3.1.3.3", "OIDCC-3.2.2.5", "OIDCC-3.3.3.3")
def extract_id_token(answer: dict[str, Any]) -> jose.Token:
    return jose.read(found(answer, "id_token", str))


@condition("OIDCC-3.1.3.7")
def validate_id_token(claims: Claims, *, issuer: str, client_id: str) -> None:
    """iss, aud, azp, exp, iat, nbf, with five minutes of difference between clocks."""
    now = time.time()
    ensure(found(claims, "iss", str) == issuer, f"iss is {claims['iss']!r}")
    audience = claims.get("aud")
    audiences = [audience] if isinstance(audience, str) else audience
    ensure(isinstance(audiences, list) and client_id in audiences, f"aud is {audience!r}")
    ensure(claims.get("azp", client_id) == client_id, f"azp is {claims.get('azp')!r}")
    ensure(len(audiences) == 1 or "azp" in claims, "azp is needed when there are several audiences")  # type: ignore[arg-type]
    for name in ("exp", "iat"):
        ensure(isinstance(claims.get(name), int | float) and not isinstance(claims[name], bool), f"{name} is no number")
    ensure(claims["exp"] > now - _SKEW_SECONDS, "exp is in the past")
    ensure(abs(claims["iat"] - now) < _SKEW_SECONDS, "iat is not now")
    ensure(claims.get("nbf", 0) <= now + _SKEW_SECONDS, "nbf is in the future")


@condition("OIDCC-5.1")
def validate_id_token_standard_claims(claims: Claims) -> None:
    found_problems = problems(claims)
    ensure(not found_problems, "; ".join(found_problems))


@condition("OIDCC-2")
def validate_id_token_nonce(claims: Claims, nonce: str | None) -> None:
    ensure(claims.get("nonce") == nonce, f"nonce is {claims.get('nonce')!r}, not {nonce!r}")


@condition("OIDCC-2")
def check_for_subject_in_id_token(claims: Claims) -> None:
    subject = found(claims, "sub", str)
    ensure(subject and subject.isascii() and len(subject) <= 255, f"sub must be 1 to 255 ASCII characters: {subject!r}")


@condition("OIDCC-10.1")
def validate_id_token_signature(token: jose.Token, keys: list[Claims]) -> None:
    """By a key of the provider, the one that `kid` names where there is a kid."""
    kid, algorithm = token.header.get("kid"), str(token.header.get("alg"))
    kty = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}.get(algorithm[:2])
    ensure(kty, f"alg is {algorithm!r}")
    fitting = [
        k for k in keys if k.get("kty") == kty and k.get("use", "sig") == "sig" and (kid is None or k.get("kid") == kid)
    ]
    ensure(fitting, f"no published key for {token.header}")
    ensure(kid is not None or len(fitting) == 1, "kid is needed: several published keys could be meant")
    jose.verify(token, fitting)


@condition("OIDCC-10.1")
def ensure_id_token_contains_kid(token: jose.Token) -> None:
    found(token.header, "kid", str)


@condition("OIDCC-3.1.3.7")
def check_id_token_signature_algorithm(token: jose.Token, algorithm: str) -> None:
    ensure(token.header.get("alg") == algorithm, f"alg is {token.header.get('alg')!r}, not {algorithm}")


@condition("OIDCC-2")
def ensure_unsigned(token: jose.Token) -> None:
    ensure(token.text.endswith("."), "an unsigned token has an empty signature")


@condition("OIDCC-3.3.2.11", "OIDCC-3.2.2.9", "OIDCC-3.1.3.6")
def validate_hash(token: jose.Token, name: str, value: str, *, required: bool) -> None:
    """at_hash of an access token, c_hash of a code. Without a signature there is no hash that it could be of."""
    if token.header.get("alg") == "none":
        return
    if name not in token.claims:
        ensure(not required, f"{name} is missing")
        return
    algorithm = str(token.header.get("alg"))
    digest = _HASHES.get(algorithm[-3:], hashlib.sha512)
    half = digest(value.encode()).digest()
    expected = base64.urlsafe_b64encode(half[: len(half) // 2]).rstrip(b"=").decode()
    ensure(token.claims[name] == expected, f"{name} is {token.claims[name]!r}, not {expected!r}")


@condition("OIDCC-5.5.1.1")
def validate_id_token_acr_claim_against_request(claims: Claims, asked: Claims | None) -> None:
    """An essential acr with values is one of them."""
    acr = (asked or {}).get("id_token", {}).get("acr") or {}
    if acr.get("essential"):
        wanted = acr.get("values") or [acr.get("value")]
        ensure(claims.get("acr") in wanted, f"acr is {claims.get('acr')!r}, not one of {wanted}")


@condition("OIDCC-3.3.3.6")
def verify_id_token_sub_consistent_hybrid_flow(front: Claims, back: Claims) -> None:
    for name in ("iss", "sub"):
        ensure(front.get(name) == back.get(name), f"{name} differs: {front.get(name)!r}, {back.get(name)!r}")


@condition("OIDCC-3.1.2.1", "OIDCC-15.1")
def validate_id_token_acr_claim_against_acr_values_request(claims: Claims, acr_values: str) -> None:
    ensure(claims.get("acr") in acr_values.split(), f"acr is {claims.get('acr')!r}, not one of {acr_values!r}")


# --- two tokens ------------------------------------------------------------------------------------------------------


@condition("OIDCC-2")
def check_id_token_auth_time_claims_same_if_present(first: Claims, second: Claims) -> None:
    if "auth_time" in first and "auth_time" in second:
        ensure(first["auth_time"] == second["auth_time"], f"{first['auth_time']}, then {second['auth_time']}")


@condition("OIDCC-2")
def check_second_id_token_auth_time_is_later_if_present(first: Claims, second: Claims) -> None:
    if "auth_time" in first and "auth_time" in second:
        ensure(second["auth_time"] > first["auth_time"], f"{first['auth_time']}, then {second['auth_time']}")


@condition("OIDCC-2", "OIDCC-3.1.2.1", "OIDCC-15.1")
def check_id_token_auth_time_claim_present_due_to_max_age(claims: Claims) -> None:
    ensure(isinstance(claims.get("auth_time"), int), f"auth_time is {claims.get('auth_time')!r}")


@condition("OIDCC-2")
def check_id_token_auth_time_is_recent_if_present(claims: Claims) -> None:
    ensure(abs(claims.get("auth_time", time.time()) - time.time()) < 60, f"auth_time is {claims.get('auth_time')!r}")


@condition("OIDCC-2")
def check_id_token_sub_consistent_for_second_authorization(first: Claims, second: Claims) -> None:
    ensure(first["sub"] == second["sub"], f"sub was {first['sub']!r} and is {second['sub']!r}")


@condition("OIDCC-12.2")
def compare_id_token_claims(first: Claims, second: Claims) -> None:
    """A refreshed ID token: the same person, client, issuer and sign-in, issued later."""
    for name in ("iss", "sub", "aud"):
        ensure(first.get(name) == second.get(name), f"{name} was {first.get(name)!r} and is {second.get(name)!r}")
    for name in ("auth_time", "azp"):
        if name in first and name in second:
            ensure(first[name] == second[name], f"{name} was {first[name]!r} and is {second[name]!r}")
    ensure(second.get("nonce", first.get("nonce")) == first.get("nonce"), "another nonce")
    ensure(second["iat"] > first["iat"], "iat must be the time of the new token")


# --- what is in it ---------------------------------------------------------------------------------------------------


@condition("OIDCC-5.5", "OIDCC-5.5.1")
def ensure_id_token_does_not_contain_name(claims: Claims) -> None:
    ensure("name" not in claims, "name was not asked for in the ID token")


@condition("OIDCC-5.5", "OIDCC-5.5.1")
def ensure_id_token_contains_name(claims: Claims) -> None:
    ensure(claims.get("name"), "name was asked for and is missing")


@condition("OIDCC-5.4")
def ensure_id_token_does_not_contain_email_for_scope_email(claims: Claims) -> None:
    ensure("email" not in claims, "email belongs to userinfo when an access token is issued")


@condition("OIDCC-5.4")
def ensure_id_token_does_not_contain_non_requested_claims(claims: Claims) -> None:
    """Personal data that no scope and no claims parameter asked for."""
    personal = {
        *("name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture"),
        *(
            "website",
            "email",
            "email_verified",
            "gender",
            "birthdate",
            "phone_number",
            "phone_number_verified",
            "address",
        ),
    }
    ensure(not personal & set(claims), f"not asked for: {sorted(personal & set(claims))}")
