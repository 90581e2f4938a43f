"""Asking what a token is worth (RFC 7662, RFC 9701), and getting rid of one (RFC 7009)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from idp.audit import store as audit
from idp.database import at_once, transaction
from idp.digests import Kind
from idp.grants import store as grants
from idp.oidc.provider import Provider
from idp.oidc.registration.metadata import Client
from idp.oidc.token import access_tokens, envelopes, store
from idp.oidc.token.opaque import store as opaques


def introspect(provider: Provider, client: Client, token: str) -> dict[str, Any]:
    """What a token is worth now (RFC 7662); `active: false` for anything that is not this client's to ask about."""
    deps = provider.deps
    now = deps.now()
    access = access_tokens.read(provider, token)
    if access is not None:
        if access.client_id != client.id:
            return {"active": False}
        if access.grant_id is not None:
            with at_once() as db:
                if store.live_grant(db, access.grant_id, now=now) is None:
                    return {"active": False}
        return {"active": True, "token_type": "Bearer", **access.claims}
    digest = deps.digests.digest(Kind.REFRESH_TOKEN, token)
    with at_once() as db:
        found = store.refresh_token(db, digest, client_id=client.id, now=now)
    if found is None or found.rotated_at is not None or found.expires_at <= now or not found.granted.alive:
        return {"active": False}
    return {
        "active": True,
        "iss": deps.settings.issuer,
        "sub": provider.subject(client, found.granted.account_id),
        "client_id": client.id,
        "scope": found.granted.scope,
        "exp": int(found.expires_at.timestamp()),
    }


def introspection_jwt(provider: Provider, client: Client, told: Mapping[str, Any]) -> str:
    """The same answer signed, and encrypted where the client registered so (RFC 9701 5)."""
    body = {
        "iss": provider.deps.settings.issuer,
        "aud": client.id,
        "iat": int(provider.deps.now().timestamp()),
        "token_introspection": dict(told),
    }
    algorithm = client.introspection_signed_response_alg or "RS256"
    return envelopes.encrypted(
        provider.deps,
        client,
        provider.tokens.signed(body, algorithm, "token-introspection+jwt").encode(),
        algorithm=client.introspection_encrypted_response_alg,
        encryption=client.introspection_encrypted_response_enc,
        content="JWT",
    )


def revoke(provider: Provider, client: Client, token: str) -> None:
    """End what a token of this client belongs to (RFC 7009): the grant, so refresh and access tokens alike.

    An unknown token, or another client's, changes nothing and is answered alike.
    """
    deps = provider.deps
    now = deps.now()
    access = access_tokens.read(provider, token)
    if access is not None and access.client_id != client.id:
        return
    grant_id = access.grant_id if access is not None else None
    if access is None:
        digest = deps.digests.digest(Kind.REFRESH_TOKEN, token)
        with at_once() as db:
            found = store.refresh_token(db, digest, client_id=client.id, now=now)
        grant_id = found.granted.grant_id if found is not None else None
    with transaction() as db:
        if grant_id is not None:
            grants.revoke(db, grant_id, now=now)
            audit.record(db, deps, "token.revoked", cause=grant_id, client=client.id)
        elif access is not None:
            opaques.revoke(db, deps.digests.digest(Kind.ACCESS_TOKEN, token))
