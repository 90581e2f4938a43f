"""What a portal's software reads first: the metadata and the key set, prepared as bytes, without a statement.

Sources: OpenID Connect Discovery 1.0, section 3; RFC 8414; RFC 9207; RFC 7517.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson
from flask import Blueprint, Response, request

from idp.oidc import failing
from idp.oidc.authorize.checks import PROMPTS
from idp.oidc.claims import OF_SCOPE
from idp.oidc.keys.keyring import Keyring
from idp.oidc.protocol import ACR
from idp.oidc.registration import metadata as registered
from idp.settings import Settings
from idp.texts import LANGUAGES

_CACHED_SECONDS = 300


def metadata(settings: Settings) -> Mapping[str, Any]:
    """The provider's metadata: what is true, and nothing that is not built or not allowed."""
    issuer = settings.issuer
    registration = {} if settings.registration == "off" else {"registration_endpoint": f"{issuer}/oauth/register"}
    proofs = [one for algorithms in registered.AUTH_SIGNING_ALGORITHMS.values() for one in algorithms]
    methods = list(registered.AUTH_METHODS)
    signatures = list(registered.SIGNING_ALGORITHMS)
    encryptions, contents = list(registered.KEY_ENCRYPTIONS), list(registered.CONTENT_ENCRYPTIONS)
    front = list(registered.FRONT_CHANNEL_TYPES) if settings.implicit_allowed else []
    framed = {"check_session_iframe": f"{issuer}/oauth/check_session"} if settings.session_iframe else {}
    unsigned = ["none"] if settings.unsigned_id_tokens_allowed else []
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/oauth/authorize",
        "token_endpoint": f"{issuer}/oauth/token",
        "userinfo_endpoint": f"{issuer}/oauth/userinfo",
        "jwks_uri": f"{issuer}/oauth/jwks",
        "introspection_endpoint": f"{issuer}/oauth/introspect",
        "revocation_endpoint": f"{issuer}/oauth/revoke",
        "pushed_authorization_request_endpoint": f"{issuer}/oauth/par",
        "require_pushed_authorization_requests": False,
        "end_session_endpoint": f"{issuer}/oauth/logout",
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "frontchannel_logout_supported": True,
        "frontchannel_logout_session_supported": True,
        **framed,
        **registration,
        "scopes_supported": list(registered.SCOPES),
        "response_types_supported": [*registered.CODE_TYPES, *front],
        "response_modes_supported": ["query", "fragment", "form_post"],
        "grant_types_supported": [*registered.GRANT_TYPES, *([registered.IMPLICIT] if front else [])],
        "subject_types_supported": list(registered.SUBJECT_TYPES),
        "id_token_signing_alg_values_supported": [*signatures, *unsigned],
        "id_token_encryption_alg_values_supported": encryptions,
        "id_token_encryption_enc_values_supported": contents,
        "userinfo_signing_alg_values_supported": signatures,
        "userinfo_encryption_alg_values_supported": encryptions,
        "userinfo_encryption_enc_values_supported": contents,
        "introspection_signing_alg_values_supported": signatures,
        "introspection_encryption_alg_values_supported": encryptions,
        "introspection_encryption_enc_values_supported": contents,
        "request_object_signing_alg_values_supported": [*signatures, "none"],
        "request_object_encryption_alg_values_supported": encryptions,
        "request_object_encryption_enc_values_supported": contents,
        "token_endpoint_auth_methods_supported": methods,
        "introspection_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": proofs,
        "introspection_endpoint_auth_signing_alg_values_supported": proofs,
        "revocation_endpoint_auth_signing_alg_values_supported": proofs,
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": list(PROMPTS),
        "display_values_supported": ["page", "popup", "touch", "wap"],
        "acr_values_supported": [ACR],
        "claim_types_supported": ["normal"],
        "claims_supported": [
            *("iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "at_hash", "c_hash"),
            *(name for names in OF_SCOPE.values() for name in names),
            *("client", "societe", "memberships"),
        ],
        "ui_locales_supported": list(LANGUAGES),
        "claims_parameter_supported": True,
        "request_parameter_supported": True,
        "request_uri_parameter_supported": True,
        "require_request_uri_registration": True,
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

    failing.register(documents)
    return documents


def _public(body: bytes, tag: str) -> Response:
    """A document that anybody may read and keep for a few minutes."""
    response = Response(body, mimetype="application/json")
    response.headers["Cache-Control"] = f"public, max-age={_CACHED_SECONDS}"
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.set_etag(tag)
    return response.make_conditional(request)  # type: ignore[return-value]
