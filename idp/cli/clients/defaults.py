"""What a portal is registered as when nothing else is said: a web application with a secret and PKCE."""

from __future__ import annotations

from idp.oidc.registration.metadata import Client

NEW = Client(
    id="",
    name="",
    customer_id=None,
    agency_id=None,
    default_portal=False,
    application_type="web",
    token_endpoint_auth_method="client_secret_basic",
    grant_types=("authorization_code", "refresh_token"),
    redirect_uris=(),
    post_logout_redirect_uris=(),
    scope="openid profile email offline_access",
    require_pkce=True,
    # The protocol's own default is RS256 (OIDC Core 2); an ES256 signature costs a fifth of it.
    id_token_signed_response_alg="ES256",
    initiate_login_uri=None,
)
