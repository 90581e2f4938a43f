"""What a client may register: checked here for the command line, for files and for dynamic registration.

`uris.py` has the rules of addresses, `jwks.py` those of keys.
Sources: OIDC Dynamic Client Registration 2, RFC 7591 2, RFC 8252, RFC 9700 2.1, OIDC Core 8, RFC 9101 10.5, RFC 9701 6.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from idp.oidc import reach
from idp.oidc.registration import jwks, uris
from idp.oidc.registration.metadata import (
    ACCESS_TOKEN_FORMATS,
    APPLICATION_TYPES,
    AUTH_METHODS,
    AUTH_SIGNING_ALGORITHMS,
    CODE_TYPES,
    CONTENT_ENCRYPTIONS,
    FRONT_CHANNEL_TYPES,
    GRANT_TYPES,
    IMPLICIT,
    KEY_ENCRYPTIONS,
    SCOPES,
    SIGNING_ALGORITHMS,
    SUBJECT_TYPES,
    UNSIGNED,
    Client,
)
from idp.settings import Settings

_CLIENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{2,63}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
LOCALIZED = ("client_name", *uris.SHOWN)
_MOST_LOCALIZED = 50
_MOST_TEXTS = 20
_LONGEST_TEXT = 200
_LONGEST_STATEMENT = 16 * 1024
_OLDEST_SIGN_IN = 10 * 365 * 24 * 3600
# Turned round, a name reads as another one (Trojan Source); marks of direction that names need are not among them.
_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
ANSWERS = ("id_token_encrypted_response", "userinfo_encrypted_response", "introspection_encrypted_response")


def problems(client: Client, settings: Settings) -> list[str]:
    """Every reason why this client may not be registered, each as `field: reason`; empty when it may."""
    return [f"{name}: {why}" for name, why in found(client, settings)]


def found(client: Client, settings: Settings) -> Iterator[tuple[str, str]]:
    """The same in pairs: the name of the field, the reason."""
    yield from _texts(client)
    yield from _translations(client)
    yield from _vocabulary(client, settings)
    yield from _flows(client)
    yield from _algorithms(client, settings)
    yield from _keys(client)
    yield from uris.problems(client, reach.networks(settings.fetch_allowed_networks))
    if client.default_portal and (client.agency_id is None or client.initiate_login_uri is None):
        yield "default_portal", "needs an agency and an initiate_login_uri"
    if client.default_max_age is not None and not 0 <= client.default_max_age <= _OLDEST_SIGN_IN:
        yield "default_max_age", "a number of seconds, ten years at most"


def _texts(client: Client) -> Iterator[tuple[str, str]]:
    if not _CLIENT_ID.fullmatch(client.id):
        yield "client_id", "3 to 64 of A-Z a-z 0-9 . _ - are allowed, starting with a letter or digit"
    if why := _name_problem(client.name):
        yield "name", why
    for name in ("contacts", "default_acr_values", "resources"):
        values = getattr(client, name)
        if len(values) > _MOST_TEXTS or not all(map(_plain, values)):
            yield name, f"{_MOST_TEXTS} texts of 1 to {_LONGEST_TEXT} printable characters at most"
    for name in ("software_id", "software_version"):
        if (text := getattr(client, name)) is not None and not _plain(text):
            yield name, f"1 to {_LONGEST_TEXT} printable characters"
    if client.software_statement is not None and len(client.software_statement) > _LONGEST_STATEMENT:
        yield "software_statement", f"{_LONGEST_STATEMENT} characters at most"
    for uri in client.resources:
        if why := uris.uri_problem(uri, "web"):
            yield "resources", f"{uri!r}: {why} (RFC 8707 2)"


def _translations(client: Client) -> Iterator[tuple[str, str]]:
    for key, value in client.localized.items():
        base, _, language = key.partition("#")
        if base not in LOCALIZED or not _LANGUAGE.fullmatch(language):
            yield key[:_LONGEST_TEXT], f"a language tag may follow {', '.join(LOCALIZED)}"
        elif base == "client_name" and (why := _name_problem(value)):
            yield key, why
    if len(client.localized) > _MOST_LOCALIZED:
        yield "localized", f"{_MOST_LOCALIZED} at most"


def _vocabulary(client: Client, settings: Settings) -> Iterator[tuple[str, str]]:
    front = settings.implicit_allowed
    grants = (*GRANT_TYPES, IMPLICIT) if front else GRANT_TYPES
    types = (*CODE_TYPES, *FRONT_CHANNEL_TYPES) if front else CODE_TYPES
    yield from _unknown("token_endpoint_auth_method", [client.token_endpoint_auth_method], AUTH_METHODS)
    yield from _unknown("grant_types", client.grant_types, grants)
    yield from _unknown("response_types", client.response_types, types)
    yield from _unknown("scope", client.scope.split(), SCOPES)
    yield from _unknown("application_type", [client.application_type], APPLICATION_TYPES)
    yield from _unknown("subject_type", [client.subject_type], SUBJECT_TYPES)
    yield from _unknown("access_token_format", [client.access_token_format], ACCESS_TOKEN_FORMATS)


def _flows(client: Client) -> Iterator[tuple[str, str]]:
    """Grants, answers, secrets and PKCE go together (OIDC Registration 2, RFC 7591 2.1)."""
    grants, answers = set(client.grant_types), {part for one in client.response_types for part in one.split()}
    if "code" in answers and "authorization_code" not in grants and client.redirect_uris:
        yield "grant_types", "the response type code needs authorization_code"
    if answers - {"code"} and IMPLICIT not in grants:
        yield "grant_types", f"the response types with id_token or token need {IMPLICIT}"
    if grants & {"authorization_code", IMPLICIT} and not client.redirect_uris:
        yield "redirect_uris", "authorization_code and implicit need one at least"
    if client.public and "client_credentials" in grants:
        yield "grant_types", "client_credentials needs a secret or a key, so not token_endpoint_auth_method none"
    if client.dynamic and "client_credentials" in grants:
        yield "grant_types", "client_credentials is for clients that an operator registers"
    if client.public and not client.require_pkce:
        yield "require_pkce", "a public client cannot do without PKCE (RFC 9700 2.1.1)"


def _algorithms(client: Client, settings: Settings) -> Iterator[tuple[str, str]]:
    signed = client.id_token_signed_response_alg
    if signed == UNSIGNED and settings.unsigned_id_tokens_allowed:
        if set(client.response_types) != {"code"}:
            yield "id_token_signed_response_alg", "none is for the response type code alone (OIDC Core 2)"
    else:
        yield from _unknown("id_token_signed_response_alg", [signed], SIGNING_ALGORITHMS)
    for name in ("userinfo_signed_response_alg", "introspection_signed_response_alg"):
        yield from _unknown(name, _given(getattr(client, name)), SIGNING_ALGORITHMS)
    asked = client.request_object_signing_alg
    yield from _unknown("request_object_signing_alg", _given(asked), (*SIGNING_ALGORITHMS, UNSIGNED))
    if client.require_signed_request_object and asked == UNSIGNED:
        yield "request_object_signing_alg", "require_signed_request_object excludes none (RFC 9101 10.5)"
    known = AUTH_SIGNING_ALGORITHMS.get(client.token_endpoint_auth_method)
    every = tuple(one for algorithms in AUTH_SIGNING_ALGORITHMS.values() for one in algorithms)
    yield from _unknown(
        "token_endpoint_auth_signing_alg", _given(client.token_endpoint_auth_signing_alg), known or every
    )
    for name in (*ANSWERS, "request_object_encryption"):
        algorithm, content = getattr(client, f"{name}_alg"), getattr(client, f"{name}_enc")
        yield from _unknown(f"{name}_alg", _given(algorithm), KEY_ENCRYPTIONS)
        yield from _unknown(f"{name}_enc", _given(content), CONTENT_ENCRYPTIONS)
        if content is not None and algorithm is None:
            yield f"{name}_enc", f"{name}_alg must be given too"


def _keys(client: Client) -> Iterator[tuple[str, str]]:
    if client.jwks is not None and client.jwks_uri is not None:
        yield "jwks_uri", "jwks and jwks_uri exclude each other (RFC 7591 2)"
    if client.jwks is not None and (why := jwks.problem(client.jwks)):
        yield "jwks", why
    if client.jwks is not None or client.jwks_uri is not None:
        return
    if client.token_endpoint_auth_method == "private_key_jwt":
        yield "jwks", "private_key_jwt needs the client's keys, here or at a jwks_uri"
    if client.require_signed_request_object:
        yield "jwks", "signed request objects need the client's keys, here or at a jwks_uri"
    if any(getattr(client, f"{name}_alg") is not None for name in ANSWERS):
        yield "jwks", "encryption needs the client's keys, here or at a jwks_uri"


def redirect_allowed(client: Client, uri: str) -> bool:
    """Exact string match; for native applications on loopback the port may vary (RFC 8252 7.3, RFC 9700 4.1.3)."""
    if uri in client.redirect_uris:
        return True
    if client.application_type != "native":
        return False
    asked = _without_port(uri)
    return asked is not None and any(asked == _without_port(known) for known in client.redirect_uris)


def _without_port(uri: str) -> str | None:
    """A loopback http address without its port; None for anything else."""
    parts = re.fullmatch(r"(http://(?:127\.0\.0\.1|\[::1\]))(?::\d{1,5})?(/[^#]*)?", uri)
    return None if parts is None else parts[1] + (parts[2] or "")


def _name_problem(text: str) -> str | None:
    """A name is one line that people are shown, on pages and in mails."""
    if not text.strip() or len(text) > _LONGEST_TEXT:
        return f"1 to {_LONGEST_TEXT} characters are needed"
    return None if _plain(text) and not set("<>") & set(text) else "letters, digits, spaces and ordinary signs only"


def _plain(text: str) -> bool:
    """Printable to the end: no control characters, nothing that turns the direction, no lone surrogates."""
    if not 1 <= len(text) <= _LONGEST_TEXT or _OVERRIDES & set(text):
        return False
    return all(unicodedata.category(sign) not in ("Cc", "Cs", "Cn", "Zl", "Zp") for sign in text)


def _given(value: str | None) -> list[str]:
    return [] if value is None else [value]


def _unknown(name: str, values: Iterable[str], known: Iterable[str]) -> Iterator[tuple[str, str]]:
    for value in values:
        if value not in tuple(known):
            yield name, f"{value!r} is not one of {', '.join(known)}"
