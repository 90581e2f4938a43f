"""Pushed authorization requests (RFC 9126): a portal's server leaves the request here, the browser brings its name.

What is pushed is checked when it is pushed, so its errors are told to the portal's server. The name works once, for a
minute and a half, and for the browser that brings it first: reloading works there, sending it on to somebody does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from idp.database import at_once, transaction
from idp.errors import AuthorizationAnswered, AuthorizationUnknown, IdpError
from idp.oidc.authorize import checks, intake, request_objects, store
from idp.oidc.protocol import ProtocolError
from idp.oidc.provider import Provider
from idp.oidc.registration.metadata import Client

PREFIX = "urn:ietf:params:oauth:request_uri:"
LIFETIME = timedelta(seconds=90)


def push(provider: Provider, client: Client, pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Keep a request of an authenticated client; the answer of RFC 9126 2.2. Raises ProtocolError."""
    asked = checks.gather(pairs, implicit_allowed=provider.deps.settings.implicit_allowed)
    if asked.repeated or asked.get("client_id") not in ("", client.id) or asked.get("request_uri"):
        raise ProtocolError("invalid_request", "a parameter is repeated, or not allowed in a pushed request")
    asked = request_objects.unpack(provider, asked, client)
    try:
        redirect_uri = checks.trust(asked, client)
    except IdpError:
        raise ProtocolError("invalid_request", "the redirect_uri is missing or not registered") from None
    request = intake.sound(provider, asked, client, redirect_uri)
    waiting = intake.waiting(provider, request, browser_digest="", lifetime=LIFETIME)
    with at_once() as db:
        store.add(db, waiting)
    return {"request_uri": PREFIX + waiting.id, "expires_in": int(LIFETIME.total_seconds())}


def start(provider: Provider, asked: checks.Asked, *, browser_digest: str) -> str:
    """The id of the request that this browser now owns. What stands beside the name is not looked at (RFC 9126 4).

    Raises AuthorizationUnknown: never pushed, by another client, expired, or brought by another browser before;
    AuthorizationAnswered.
    """
    deps = provider.deps
    authorization_id = asked.get("request_uri").removeprefix(PREFIX)
    with at_once() as db:
        waiting = store.load(db, authorization_id, now=deps.now())
    if waiting is None or waiting.request.client_id != asked.get("client_id") or asked.repeated:
        raise AuthorizationUnknown()
    if waiting.browser_digest == "":
        expires_at = deps.now() + timedelta(days=deps.settings.authorization_validity_days)
        with transaction() as db:
            if not store.claim(db, authorization_id, browser_digest=browser_digest, expires_at=expires_at):
                raise AuthorizationUnknown()
    elif waiting.browser_digest != browser_digest:
        raise AuthorizationUnknown()
    elif waiting.answered_at is not None:
        raise AuthorizationAnswered(agency_id=waiting.request.agency_id)
    return authorization_id
