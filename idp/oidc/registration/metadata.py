"""A portal as registered: the metadata of OIDC Registration 2 and RFC 7591 2, its logout and our own additions.

One frozen value for everybody: the command line, files and dynamic registration write it (`rules.py` says what may be
written), the endpoints read it. Names are the standard's, so that documents go in and out without a dictionary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

AUTH_METHODS = ("client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "none")
SECRET_AS_KEY = "client_secret_jwt"
AUTH_SIGNING_ALGORITHMS: Mapping[str, tuple[str, ...]] = {
    SECRET_AS_KEY: ("HS256", "HS384", "HS512"),
    "private_key_jwt": ("RS256", "PS256", "ES256", "EdDSA"),
}
GRANT_TYPES = ("authorization_code", "refresh_token", "client_credentials")
IMPLICIT = "implicit"  # a grant type too, while the setting `implicit_allowed` says so
UNSIGNED = "none"  # in the place of an algorithm
CODE_TYPES = ("code",)
FRONT_CHANNEL_TYPES = ("id_token", "id_token token", "code id_token", "code token", "code id_token token")
SIGNING_ALGORITHMS = ("RS256", "ES256", "PS256", "EdDSA")
KEY_ENCRYPTIONS = ("RSA-OAEP-256", "ECDH-ES")
CONTENT_ENCRYPTIONS = ("A128CBC-HS256", "A256GCM", "A128GCM")
DEFAULT_CONTENT_ENCRYPTION = "A128CBC-HS256"  # OIDC Registration 2
SCOPES = ("openid", "profile", "email", "address", "phone", "offline_access")
APPLICATION_TYPES = ("web", "native")
SUBJECT_TYPES = ("public", "pairwise")
ACCESS_TOKEN_FORMATS = ("jwt", "opaque")


@dataclass(frozen=True)
class Client:
    """A portal as the endpoints need it. Addresses are absolute; algorithms are JOSE names; None: not registered.

    first_party: the agencies' own, so nobody is asked for consent. localized: `client_name#fr` and the like, as given.
    resources: the audiences it may ask for (RFC 8707). dynamic: registered itself (RFC 7591).
    secret_digests: of the secrets that live, newest first; sealed_secrets: the same in clear for `client_secret_jwt`
    alone, encrypted at rest; registration_token_digest: of the token that manages the registration (RFC 7592).
    """

    id: str
    name: str
    customer_id: str | None
    agency_id: str | None
    default_portal: bool
    application_type: str
    token_endpoint_auth_method: str
    grant_types: tuple[str, ...]
    redirect_uris: tuple[str, ...]
    post_logout_redirect_uris: tuple[str, ...]
    scope: str
    require_pkce: bool
    id_token_signed_response_alg: str
    initiate_login_uri: str | None
    first_party: bool = True
    dynamic: bool = False
    response_types: tuple[str, ...] = ("code",)
    client_uri: str | None = None
    logo_uri: str | None = None
    policy_uri: str | None = None
    tos_uri: str | None = None
    contacts: tuple[str, ...] = ()
    localized: Mapping[str, str] = field(default_factory=dict)
    jwks: Mapping[str, Any] | None = None
    jwks_uri: str | None = None
    subject_type: str = "public"
    sector_identifier_uri: str | None = None
    id_token_encrypted_response_alg: str | None = None
    id_token_encrypted_response_enc: str | None = None
    userinfo_signed_response_alg: str | None = None
    userinfo_encrypted_response_alg: str | None = None
    userinfo_encrypted_response_enc: str | None = None
    introspection_signed_response_alg: str | None = None
    introspection_encrypted_response_alg: str | None = None
    introspection_encrypted_response_enc: str | None = None
    request_object_signing_alg: str | None = None
    request_object_encryption_alg: str | None = None
    request_object_encryption_enc: str | None = None
    require_signed_request_object: bool = False
    request_uris: tuple[str, ...] = ()
    token_endpoint_auth_signing_alg: str | None = None
    default_max_age: int | None = None
    require_auth_time: bool = False
    default_acr_values: tuple[str, ...] = ()
    backchannel_logout_uri: str | None = None
    backchannel_logout_session_required: bool = False
    frontchannel_logout_uri: str | None = None
    frontchannel_logout_session_required: bool = False
    access_token_format: str = "jwt"
    resources: tuple[str, ...] = ()
    software_id: str | None = None
    software_version: str | None = None
    software_statement: str | None = None
    disabled_at: datetime | None = None
    created_at: datetime | None = None
    secret_digests: tuple[str, ...] = field(default=(), repr=False)
    sealed_secrets: tuple[str, ...] = field(default=(), repr=False)
    registration_token_digest: str | None = field(default=None, repr=False)

    @property
    def public(self) -> bool:
        """True for a client that cannot keep a secret."""
        return self.token_endpoint_auth_method == "none"

    @property
    def has_secret(self) -> bool:
        """Whether it authenticates with a secret that was made here or given: basic, post, or an HMAC with it."""
        return self.token_endpoint_auth_method.startswith("client_secret_")
