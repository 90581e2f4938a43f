"""Telling a client about the person: at userinfo, and in an ID token where it asked for claims there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from idp.database import at_once
from idp.oidc import claims
from idp.oidc.protocol import ProtocolError
from idp.oidc.provider import Provider
from idp.oidc.registration import clients
from idp.oidc.registration.metadata import Client
from idp.oidc.token import access_tokens, envelopes
from idp.oidc.token.store import Granted
from idp.oidc.userinfo import store


@dataclass(frozen=True)
class UserInfo:
    """What userinfo answers: claims as JSON, or the same as a JWT when the client registered so."""

    claims: Mapping[str, Any]
    jwt: str | None


def userinfo(provider: Provider, token: str) -> UserInfo:
    """The claims of the person that an access token stands for (OIDC Core 5.3), as the client registered to get them.

    Raises ProtocolError invalid_token, insufficient_scope.
    """
    deps = provider.deps
    access = access_tokens.read(provider, token)
    client = clients.find(deps, access.client_id) if access is not None else None
    if access is None or access.grant_id is None or client is None or client.disabled_at is not None:
        raise ProtocolError("invalid_token", "the access token is invalid or expired", status=401)
    if access.claims.get("aud") != deps.settings.issuer:
        raise ProtocolError("invalid_token", "the access token is meant for somebody else", status=401)
    if "openid" not in access.scope.split():
        raise ProtocolError("insufficient_scope", "the openid scope is needed", status=403)
    with at_once() as db:
        person = store.person(db, access.grant_id, client, now=deps.now())
    if person is None:
        raise ProtocolError("invalid_token", "the access token was revoked", status=401)
    names = [*person.claims.get("userinfo", ()), *(["memberships"] if client.first_party else [])]
    about = claims.of_person(
        email=person.email, scope=access.scope, names=names, places=person.places, agency_id=person.agency_id
    )
    return _shaped(provider, client, {"sub": access.sub, **about})


def in_id_token(provider: Provider, client: Client, granted: Granted, *, scope: str) -> dict[str, Any]:
    """What the claims parameter asked for in the ID token, and the claims of a scope; one statement, where any.

    scope: for the ID token that comes alone, with no access token to ask userinfo with (OIDC Core 5.4); else empty.
    """
    names = granted.claims.get("id_token", ())
    if not names and not any(one in claims.OF_SCOPE for one in scope.split()):
        return {}
    with at_once() as db:
        person = store.person(db, granted.grant_id, client, now=provider.deps.now())
    if person is None:
        return {}
    return claims.of_person(
        email=person.email, scope=scope, names=names, places=person.places, agency_id=person.agency_id
    )


def _shaped(provider: Provider, client: Client, body: dict[str, Any]) -> UserInfo:
    """Plain JSON, or a JWT when the client registered signing or encryption (OIDC Core 5.3.2)."""
    algorithm = client.userinfo_signed_response_alg
    if algorithm is None and client.userinfo_encrypted_response_alg is None:
        return UserInfo(body, None)
    plain = orjson.dumps(body)
    if algorithm is not None:
        whole = {**body, "iss": provider.deps.settings.issuer, "aud": client.id}
        plain = provider.tokens.signed(whole, algorithm, "JWT").encode()
    return UserInfo(
        body,
        envelopes.encrypted(
            provider.deps,
            client,
            plain,
            algorithm=client.userinfo_encrypted_response_alg,
            encryption=client.userinfo_encrypted_response_enc,
            content="JWT" if algorithm is not None else None,
        ),
    )
