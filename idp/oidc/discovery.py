"""What a portal's software reads first: the metadata and the key set, prepared as bytes, without a statement.

Sources: OpenID Connect Discovery 1.0, section 3; RFC 8414; RFC 9207; RFC 7517.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson
from flask import Blueprint, Response, request

from idp.oidc.keys.keyring import Keyring
from idp.oidc.protocol import ACR
from idp.oidc.registration import metadata as registered
from idp.settings import Settings
from idp.texts import LANGUAGES

_CACHED_SECONDS = 300


def metadata(settings: Settings) -> Mapping[str, Any]:
    """The provider's metadata: what is true, and nothing that is not built."""
    issuer = settings.issuer
    registration = {} if settings.registration == "off" else {"registration_endpoint": f"{issuer}/oauth/register"}
    proofs = [one for algorithms in registered.AUTH_SIGNING_ALGORITHMS.values() for one in algorithms]
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/oauth/authorize",
        "token_endpoint": f"{issuer}/oauth/token",
        "userinfo_endpoint": f"{issuer}/oauth/userinfo",
        "jwks_uri": f"{issuer}/oauth/jwks",
        "introspection_endpoint": f"{issuer}/oauth/introspect",
        "revocation_endpoint": f"{issuer}/oauth/revoke",
        "end_session_endpoint": f"{issuer}/oauth/logout",
        **registration,
        "scopes_supported": list(registered.SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": list(registered.GRANT_TYPES),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": list(registered.SIGNING_ALGORITHMS),
        "token_endpoint_auth_methods_supported": list(registered.AUTH_METHODS),
        "introspection_endpoint_auth_methods_supported": list(registered.AUTH_METHODS),
        "revocation_endpoint_auth_methods_supported": list(registered.AUTH_METHODS),
        "token_endpoint_auth_signing_alg_values_supported": proofs,
        "introspection_endpoint_auth_signing_alg_values_supported": proofs,
        "revocation_endpoint_auth_signing_alg_values_supported": proofs,
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "acr_values_supported": [ACR],
        "claim_types_supported": ["normal"],
        "claims_supported": [
            *("iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "at_hash"),
            *("name", "given_name", "family_name", "civility", "company_name", "locale", "zoneinfo"),
            *("email", "email_verified", "phone_number", "phone_number_verified", "address"),
            *("client", "societe", "memberships"),
        ],
        "ui_locales_supported": list(LANGUAGES),
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "authorization_response_iss_parameter_supported": True,
        "service_documentation": f"{issuer}/help",
    }


def blueprint(settings: Settings, keyring: Keyring) -> Blueprint:
    documents = Blueprint("discovery", __name__)
    body = orjson.dumps(metadata(settings))
    tag = hashlib.sha256(body).hexdigest()[:32]

    @documents.get("/.well-known/openid-configuration")
    def openid() -> Response:
        return _public(body, tag)

    @documents.get("/.well-known/oauth-authorization-server")
    def oauth() -> Response:
        return _public(body, tag)

    @documents.get("/oauth/jwks")
    def jwks() -> Response:
        return _public(*keyring.public())

    return documents


def _public(body: bytes, tag: str) -> Response:
    """A document that anybody may read and keep for a few minutes."""
    response = Response(body, mimetype="application/json")
    response.headers["Cache-Control"] = f"public, max-age={_CACHED_SECONDS}"
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.set_etag(tag)
    return response.make_conditional(request)  # type: ignore[return-value]
