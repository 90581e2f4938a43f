"""The JSON in which a client registers itself and is told what was registered. Pure.

Sources: RFC 7591 2 and 3.2, OIDC Dynamic Client Registration 2 and 3, RFC 7592 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from idp.oidc.registration import jwks, rules
from idp.oidc.registration.fields import STANDARD, fits, plain, stored
from idp.oidc.registration.metadata import (
    CODE_TYPES,
    DEFAULT_CONTENT_ENCRYPTION,
    FRONT_CHANNEL_TYPES,
    SCOPES,
    Client,
)
from idp.oidc.registration.uris import hosts
from idp.settings import Settings

# The names that the standard uses where ours differ, and those that only ever go out.
_NAME = {"name": "client_name"}
_TOLD_ONLY = ("client_id_issued_at", "client_secret_expires_at", "registration_access_token", "registration_client_uri")
_MOST_TOLD = 5


class MetadataRefused(Exception):
    """error: of RFC 7591 3.2.2. The text names the fields and says why."""

    def __init__(self, error: str, why: str) -> None:
        super().__init__(why)
        self.error = error


# What a client is that says nothing of itself (RFC 7591 2, OIDC Registration 2). It is somebody else's: people are
# asked for consent, whatever it says.
BLANK = Client(
    id="",
    name="",
    customer_id=None,
    agency_id=None,
    default_portal=False,
    application_type="web",
    token_endpoint_auth_method="client_secret_basic",
    grant_types=("authorization_code",),
    redirect_uris=(),
    post_logout_redirect_uris=(),
    scope=" ".join(SCOPES),
    require_pkce=False,
    id_token_signed_response_alg="RS256",
    initiate_login_uri=None,
    first_party=False,
    dynamic=True,
)


def read(document: object, base: Client, settings: Settings) -> Client:
    """The client that a document asks for. base: BLANK with the id, and what it belongs to.

    What is left out, or null, has its default; what is not known is left out (RFC 7591 2). Raises MetadataRefused.
    """
    if not isinstance(document, Mapping):
        raise MetadataRefused("invalid_client_metadata", "an object is expected")
    given: dict[str, Any] = {}
    for name, kind in STANDARD.items():
        value = document.get(_NAME.get(name, name))
        if value is None or name == "localized":
            continue
        if not fits(kind, value):
            raise MetadataRefused(_error_of(name), f"{_NAME.get(name, name)}: {kind} is expected")
        given[name] = jwks.kept(value) if name == "jwks" else stored(value)
    client = _completed(replace(base, **given, localized=_localized(document)))
    if wrong := list(rules.found(client, settings)):
        told = "; ".join(f"{_NAME.get(name, name)}: {why}" for name, why in wrong[:_MOST_TOLD])
        raise MetadataRefused(_error_of(wrong[0][0]), told)
    return client


def require_own(document: Mapping[str, Any], client: Client) -> None:
    """What an update may not say (RFC 7592 2.2). Raises MetadataRefused."""
    if document.get("client_id") != client.id:
        raise MetadataRefused("invalid_client_metadata", "client_id: it must be that of this registration")
    for name in _TOLD_ONLY:
        if name in document:
            raise MetadataRefused("invalid_client_metadata", f"{name}: it must be left out")


def shown(client: Client) -> dict[str, Any]:
    """The metadata as registered, defaults included (RFC 7591 3.2.1)."""
    values = {_NAME.get(name, name): plain(getattr(client, name)) for name in STANDARD if name != "localized"}
    told = {name: value for name, value in values.items() if value is not None and value != []}
    return {"client_id": client.id, **told, **client.localized}


def _completed(client: Client) -> Client:
    """With the defaults that depend on what was said."""
    content: dict[str, Any] = {
        f"{name}_enc": DEFAULT_CONTENT_ENCRYPTION
        for name in (*rules.ANSWERS, "request_object_encryption")
        if getattr(client, f"{name}_alg") is not None and getattr(client, f"{name}_enc") is None
    }
    # Scopes that are not known here are left out, as RFC 7591 2 allows: the answer says what is registered.
    scopes = [scope for scope in dict.fromkeys(client.scope.split()) if scope in SCOPES]
    return replace(
        client,
        **content,
        name=client.name or _host(client),
        scope=" ".join(scopes) or client.scope,
        response_types=tuple(dict.fromkeys(_in_order(one) for one in client.response_types)),
        # Whoever can keep a secret may go without: many libraries of today do (decision 0012).
        require_pkce=client.public or client.application_type == "native",
    )


def _host(client: Client) -> str:
    """What people are shown when a client has no name: where it would send them."""
    try:
        return min(host for host in hosts(client) if host)[:200]
    except ValueError:
        return client.id


def _in_order(response_type: str) -> str:
    """`token id_token` is `id_token token` (OAuth Multiple Response Types 3); what is unknown stays as it is."""
    words = sorted(response_type.split())
    return next((one for one in (*CODE_TYPES, *FRONT_CHANNEL_TYPES) if sorted(one.split()) == words), response_type)


def _localized(document: Mapping[str, Any]) -> dict[str, str]:
    found = {
        name: value for name, value in document.items() if name.partition("#")[0] in rules.LOCALIZED and "#" in name
    }
    for name, value in found.items():
        if not isinstance(value, str):
            raise MetadataRefused("invalid_client_metadata", f"{name[:200]}: a text is expected")
    return found


def _error_of(name: str) -> str:
    return "invalid_redirect_uri" if name == "redirect_uris" else "invalid_client_metadata"
