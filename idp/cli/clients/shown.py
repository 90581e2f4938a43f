"""How a portal is printed: as a row, whole, and as the settings that its developers paste."""

from __future__ import annotations

from typing import Any, Protocol

from sqlalchemy.orm import Session

from idp.deps import Deps
from idp.oidc.registration import fields
from idp.oidc.registration.metadata import Client
from idp.tenancy import store as tenancy

COLUMNS = ("client_id", "name", "belongs_to", "token_endpoint_auth_method", "default_portal", "disabled")


class Owned(Protocol):
    """What belongs to an agency, else to a customer, else to the platform."""

    @property
    def agency_id(self) -> str | None: ...

    @property
    def customer_id(self) -> str | None: ...


class Owners:
    """Names of what portals belong to, looked up once a command: `ADB/TLS01`, `ADB`, or `platform`."""

    def __init__(self, db: Session) -> None:
        agencies = tenancy.agencies(db)
        self._agencies = {a.id: f"{a.customer_code}/{a.company_code}" for a in agencies}
        self._customers = {customer.id: customer.code for customer in tenancy.customers(db)}

    def agency(self, client: Owned) -> str | None:
        return None if client.agency_id is None else self._agencies[client.agency_id]

    def customer(self, client: Owned) -> str | None:
        return None if client.customer_id is None else self._customers[client.customer_id]

    def of(self, client: Owned) -> str:
        return self.agency(client) or self.customer(client) or "platform"


def row(client: Client, owners: Owners) -> dict[str, Any]:
    return {
        "client_id": client.id,
        "name": client.name,
        "belongs_to": owners.of(client),
        "token_endpoint_auth_method": client.token_endpoint_auth_method,
        "default_portal": client.default_portal,
        "disabled": client.disabled_at is not None,
    }


def whole(client: Client, owners: Owners) -> dict[str, Any]:
    """All that is registered, under the names that files use; what is not registered is null."""
    return {
        **row(client, owners),
        **{name: fields.plain(getattr(client, name)) for name in fields.OPERATOR},
        "dynamic": client.dynamic,
        "live_secrets": len(client.secret_digests),
    }


def registered(client: Client, owners: Owners) -> dict[str, Any]:
    """The same without what is not registered: fit for a person's eyes."""
    return {name: value for name, value in whole(client, owners).items() if value not in (None, [], {})}


def portal_settings(client: Client, deps: Deps, secret: str | None) -> dict[str, Any]:
    """What a portal's developers need, under the names that OpenID libraries use."""
    issuer = deps.settings.issuer
    settings: dict[str, Any] = {
        "issuer": issuer,
        "discovery": f"{issuer}/.well-known/openid-configuration",
        "client_id": client.id,
    }
    if secret is not None:
        settings["client_secret"] = secret
    settings |= {
        "token_endpoint_auth_method": client.token_endpoint_auth_method,
        "redirect_uri": client.redirect_uris[0] if client.redirect_uris else None,
        "redirect_uris": list(client.redirect_uris),
        "post_logout_redirect_uris": list(client.post_logout_redirect_uris),
        "scope": client.scope,
        "code_challenge_method": "S256" if client.require_pkce else None,
        "id_token_signed_response_alg": client.id_token_signed_response_alg,
    }
    return {name: value for name, value in settings.items() if value not in (None, [])}
