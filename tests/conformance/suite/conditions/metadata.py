"""What the provider says of itself: OpenID Connect Discovery 1.0 section 3, RFC 8414 section 2, RFC 7517."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from tests.conformance.suite.findings import condition, ensure, found

Metadata = dict[str, Any]

# The IANA registry of authorization server metadata, with what OpenID Connect's own specifications define.
KNOWN = frozenset(
    [
        "issuer",
        "authorization_endpoint",
        "token_endpoint",
        "jwks_uri",
        "registration_endpoint",
        "scopes_supported",
        "response_types_supported",
        "response_modes_supported",
        "grant_types_supported",
        "token_endpoint_auth_methods_supported",
        "token_endpoint_auth_signing_alg_values_supported",
        "service_documentation",
        "ui_locales_supported",
        "op_policy_uri",
        "op_tos_uri",
        "revocation_endpoint",
        "revocation_endpoint_auth_methods_supported",
        "revocation_endpoint_auth_signing_alg_values_supported",
        "introspection_endpoint",
        "introspection_endpoint_auth_methods_supported",
        "introspection_endpoint_auth_signing_alg_values_supported",
        "code_challenge_methods_supported",
        "signed_metadata",
        "device_authorization_endpoint",
        "tls_client_certificate_bound_access_tokens",
        "mtls_endpoint_aliases",
        "nfv_token_signing_alg_values_supported",
        "userinfo_endpoint",
        "acr_values_supported",
        "subject_types_supported",
        "id_token_signing_alg_values_supported",
        "id_token_encryption_alg_values_supported",
        "id_token_encryption_enc_values_supported",
        "userinfo_signing_alg_values_supported",
        "userinfo_encryption_alg_values_supported",
        "userinfo_encryption_enc_values_supported",
        "request_object_signing_alg_values_supported",
        "request_object_encryption_alg_values_supported",
        "request_object_encryption_enc_values_supported",
        "display_values_supported",
        "claim_types_supported",
        "claims_supported",
        "claims_locales_supported",
        "claims_parameter_supported",
        "request_parameter_supported",
        "request_uri_parameter_supported",
        "require_request_uri_registration",
        "require_signed_request_object",
        "pushed_authorization_request_endpoint",
        "require_pushed_authorization_requests",
        "introspection_signing_alg_values_supported",
        "introspection_encryption_alg_values_supported",
        "introspection_encryption_enc_values_supported",
        "authorization_response_iss_parameter_supported",
        "check_session_iframe",
        "frontchannel_logout_supported",
        "backchannel_logout_supported",
        "backchannel_logout_session_supported",
        "frontchannel_logout_session_supported",
        "end_session_endpoint",
        "backchannel_token_delivery_modes_supported",
        "backchannel_authentication_endpoint",
        "backchannel_authentication_request_signing_alg_values_supported",
        "backchannel_user_code_parameter_supported",
        "authorization_details_types_supported",
        "dpop_signing_alg_values_supported",
        "client_registration_types_supported",
        "federation_registration_endpoint",
        "signed_jwks_uri",
        "jwks",
        "organization_name",
        "contacts",
        "logo_uri",
        "policy_uri",
        "tos_uri",
        "authorization_signing_alg_values_supported",
        "authorization_encryption_alg_values_supported",
        "authorization_encryption_enc_values_supported",
        "protected_resources",
        "prompt_values_supported",
        "authorization_challenge_endpoint",
    ]
)
# BCP 47 with the casing that section 2.1.1 recommends: language, script, region.
_LOCALE = re.compile(r"[a-zA-Z]{2,8}(-[a-zA-Z0-9]{1,8})*")
_CANONICAL = re.compile(r"[a-z]{2,8}(-[A-Z][a-z]{3})?(-([A-Z]{2}|\d{3}))?")


@condition("OIDCD-4.3")
def check_disc_endpoint_discovery_url(url: str) -> None:
    ensure(url.startswith("https://"), f"{url} is not https")
    ensure(url.endswith("/.well-known/openid-configuration"), f"{url} is not the well-known address")


@condition("OIDCD-4.3", "OIDCD-7.2")
def check_disc_endpoint_issuer(metadata: Metadata, url: str) -> None:
    expected = url.removesuffix("/.well-known/openid-configuration")
    ensure(metadata.get("issuer") == expected, f"issuer is {metadata.get('issuer')!r}, not {expected!r}")


@condition("RFC8414-2")
def check_disc_endpoint_issuer_is_valid_url(metadata: Metadata) -> None:
    parts = urlsplit(found(metadata, "issuer", str))
    ensure(parts.scheme == "https" and parts.hostname, "issuer is not an https address")
    ensure(not parts.query and not parts.fragment, "issuer has a query or fragment")


@condition("OIDCD-3", "RFC8414-2")
def validate_server_metadata_against_schema(metadata: Metadata) -> None:
    """Each member that is known has its type."""
    for name, value in metadata.items():
        if name.endswith("_supported") and _is_flag(name):
            ensure(isinstance(value, bool), f"{name} must be true or false: {value!r}")
        elif name.endswith("_supported"):
            ensure(isinstance(value, list), f"{name} must be a list: {value!r}")
            ensure(all(isinstance(item, str) for item in value), f"{name} must be a list of texts: {value!r}")
            ensure(value, f"{name} is an empty list: RFC 8414 3.2 asks for it to be left out")
        elif name.endswith(("_endpoint", "_uri", "_iframe")):
            ensure(isinstance(value, str) and urlsplit(value).hostname, f"{name} must be an address: {value!r}")


def _is_flag(name: str) -> bool:
    return name.endswith(("_parameter_supported", "_logout_supported", "_session_supported"))


@condition("OIDCD-3", "RFC8414-2")
def check_for_unexpected_parameters_in_server_metadata(metadata: Metadata) -> None:
    ensure(not set(metadata) - KNOWN, f"members that no specification knows: {sorted(set(metadata) - KNOWN)}")


@condition("OIDCD-3", "OIDCC-15.2")
def check_disc_endpoint_response_types_supported(metadata: Metadata, *, dynamic: bool) -> None:
    """Dynamic providers support code, id_token and id_token token; the others something at least."""
    supported = [set(item.split()) for item in found(metadata, "response_types_supported", list)]
    for wanted in ("code", "id_token", "id_token token") if dynamic else ():
        ensure(set(wanted.split()) in supported, f"response_types_supported lacks {wanted!r}: {supported}")
    ensure(supported, "response_types_supported is empty")


@condition("OIDCD-3")
def check_disc_endpoint_grant_types_supported(metadata: Metadata, *, dynamic: bool) -> None:
    """Left out, it means authorization_code and implicit."""
    supported = metadata.get("grant_types_supported", ["authorization_code", "implicit"])
    for wanted in ("authorization_code", "implicit") if dynamic else ("authorization_code",):
        ensure(wanted in supported, f"grant_types_supported lacks {wanted}: {supported}")


@condition("OIDCD-3")
def check_disc_endpoint_subject_types_supported(metadata: Metadata) -> None:
    types = found(metadata, "subject_types_supported", list)
    ensure(types and set(types) <= {"public", "pairwise"}, f"subject_types_supported: {types}")


@condition("OIDCD-3")
def check_disc_endpoint_id_token_signing_alg_values_supported(metadata: Metadata) -> None:
    ensure("RS256" in found(metadata, "id_token_signing_alg_values_supported", list), "RS256 must be among them")


@condition("OIDCD-3")
def check_disc_endpoint_userinfo_signing_alg_values_supported(metadata: Metadata) -> None:
    values = metadata.get("userinfo_signing_alg_values_supported", ["RS256"])
    ensure(isinstance(values, list) and values, f"userinfo_signing_alg_values_supported: {values!r}")


@condition("OIDCD-3")
def check_disc_endpoint_userinfo_signing_alg_values_supported_contains_rs256(metadata: Metadata) -> None:
    ensure("RS256" in metadata.get("userinfo_signing_alg_values_supported", []), "RS256 is not among them")


@condition("OIDCD-3")
def check_disc_endpoint(metadata: Metadata, name: str) -> None:
    """An endpoint is there and reached by https."""
    ensure(found(metadata, name, str).startswith("https://"), f"{name} is not https: {metadata[name]}")


@condition("OIDCD-3")
def check_disc_endpoint_all_endpoints_are_https(metadata: Metadata) -> None:
    for name, value in metadata.items():
        if name.endswith(("_endpoint", "_uri", "_iframe")):
            ensure(str(value).startswith("https://"), f"{name} is not https: {value}")


@condition("OIDCD-3")
def check_disc_endpoint_request_object_signing_alg_values_supported_includes_rs256(metadata: Metadata) -> None:
    values = metadata.get("request_object_signing_alg_values_supported")
    ensure(values is None or "RS256" in values, f"RS256 is not among them: {values}")


@condition("OIDCD-3")
def check_disc_endpoint_claims_supported(metadata: Metadata) -> None:
    ensure(found(metadata, "claims_supported", list), "claims_supported is empty")


@condition("OIDCD-3")
def check_disc_endpoint_scopes_supported_contains_openid(metadata: Metadata) -> None:
    ensure("openid" in found(metadata, "scopes_supported", list), "openid is not among them")


@condition("RFC6749-3.3")
def check_disc_endpoint_scopes_supported_syntax(metadata: Metadata) -> None:
    for scope in metadata.get("scopes_supported", []):
        ensure(re.fullmatch(r"[\x21\x23-\x5b\x5d-\x7e]+", scope), f"not a scope: {scope!r}")


def _locales(metadata: Metadata) -> list[str]:
    return [*metadata.get("ui_locales_supported", []), *metadata.get("claims_locales_supported", [])]


@condition("RFC8414-2")
def check_disc_endpoint_locales_syntax(metadata: Metadata) -> None:
    for locale in _locales(metadata):
        ensure(_LOCALE.fullmatch(locale), f"not a BCP 47 language tag: {locale!r}")


@condition("RFC8414-2")
def check_disc_endpoint_locales_canonical_casing(metadata: Metadata) -> None:
    for locale in _locales(metadata):
        ensure(_CANONICAL.fullmatch(locale), f"unusual casing: {locale!r}")


@condition("RFC8414-2", "RFC7636-4.3")
def ensure_server_configuration_code_challenge_methods_supported_is_an_array(metadata: Metadata) -> None:
    ensure(isinstance(metadata.get("code_challenge_methods_supported", []), list), "not a list")


@condition("OIDCC-9")
def ensure_server_configuration_supports_client_auth(metadata: Metadata, method: str) -> None:
    supported = metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    ensure(method in supported, f"{method} is not in token_endpoint_auth_methods_supported: {supported}")


@condition("OIDCD-3")
def ensure_server_configuration_supports_refresh_token(metadata: Metadata) -> None:
    ensure(
        "refresh_token" in metadata.get("grant_types_supported", []), "refresh_token is not in grant_types_supported"
    )


@condition("OIDCD-3")
def ensure_server_configuration_does_not_support_refresh_token(metadata: Metadata) -> None:
    ensure(
        "refresh_token" not in metadata.get("grant_types_supported", []),
        "no refresh token was issued, yet grant_types_supported has refresh_token",
    )


@condition("OIDCBCL-2.1", "OIDCFCL-2")
def check_disc_endpoint_flag_is_true(metadata: Metadata, name: str) -> None:
    ensure(metadata.get(name) is True, f"{name} is {metadata.get(name)!r}")


@condition("OIDCD-3")
def check_disc_endpoint_request_uri_parameter_supported(metadata: Metadata) -> None:
    """Left out, it means true."""
    ensure(metadata.get("request_uri_parameter_supported", True) is True, "request_uri_parameter_supported is false")


# --- keys ------------------------------------------------------------------------------------------------------------


@condition("RFC7517-1.1")
def validate_server_jwks(keys: list[Metadata]) -> None:
    """Public parts, and nothing else."""
    ensure(keys, "the key set is empty")
    for key in keys:
        ensure(key.get("kty") in ("RSA", "EC", "OKP"), f"kty {key.get('kty')!r}")
        ensure(not {"d", "p", "q", "dp", "dq", "qi", "oth", "k"} & set(key), f"private parts: {sorted(key)}")
        needed = {"RSA": {"n", "e"}, "EC": {"crv", "x", "y"}, "OKP": {"crv", "x"}}[key["kty"]]
        ensure(needed <= set(key), f"a {key['kty']} key needs {sorted(needed)}: {sorted(key)}")
        ensure(key.get("use", "sig") in ("sig", "enc"), f"use {key.get('use')!r}")


@condition("OIDCC-10.1")
def check_for_key_id_in_server_jwks(keys: list[Metadata]) -> None:
    ensure(all(isinstance(key.get("kid"), str) and key["kid"] for key in keys), "a key has no kid")


@condition("RFC7517-4.5")
def check_distinct_key_id_value_in_server_jwks(keys: list[Metadata]) -> None:
    kids = [(key.get("kid"), key.get("use")) for key in keys]
    ensure(len(set(kids)) == len(kids), f"a kid is there twice: {kids}")


def _signing(keys: list[Metadata]) -> set[str]:
    return {key["kid"] for key in keys if key.get("use", "sig") == "sig"}


@condition("OIDCC-10.1.1")
def verify_new_jwks_has_new_signing_key(before: list[Metadata], after: list[Metadata]) -> None:
    ensure(_signing(after) - _signing(before), "no new signing key was published")


@condition("OIDCC-10.1.1")
def verify_new_jwks_still_has_old_signing_key(before: list[Metadata], after: list[Metadata]) -> None:
    ensure(_signing(before) <= _signing(after), "an old signing key is gone at once")
