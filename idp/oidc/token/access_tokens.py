"""Access tokens of both formats: signed and not stored (RFC 9068), or opaque and stored, as the client registered.

A signed one costs a signature and no statement; revoking its grant is what voids it. An opaque one is a row, so it is
made in two steps: prepared first, then stored together with what it depends on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from idp.database import at_once
from idp.digests import Kind
from idp.oidc.protocol import ProtocolError
from idp.oidc.provider import Provider
from idp.oidc.registration.metadata import Client
from idp.oidc.token.opaque import store as opaques
from idp.oidc.token.opaque.store import Opaque
from idp.oidc.token.store import Granted
from idp.oidc.token.tokens import AccessToken
from idp.statements import Rows

PREFIX = "at_"  # tells an opaque access token from a refresh token without a statement; also for secret scanners


@dataclass(frozen=True)
class Prepared:
    """An access token that is about to be granted. opaque: its value and row; None for a signed one."""

    provider: Provider = field(repr=False)
    client: Client
    granted: Granted | None
    scope: str
    audience: Sequence[str]
    subject: str
    opaque: tuple[str, Opaque] | None = field(repr=False)

    @property
    def row(self) -> Rows:
        """The row of an opaque one, to be added; none for a signed one."""
        if self.opaque is None:
            return {}
        value, row = self.opaque
        return opaques.row(self.provider.deps.digests.digest(Kind.ACCESS_TOKEN, value), row)

    def store(self) -> None:
        """Write the row by itself, where nothing else is written."""
        if self.row:
            with at_once() as db:
                opaques.add(db, self.row)

    def answer(self) -> dict[str, Any]:
        """The members of a token response; signs, so after the commit: what was signed was granted."""
        tokens = self.provider.tokens
        value = self.opaque[0] if self.opaque is not None else None
        if value is None:
            value = tokens.access(
                sub=self.subject,
                client_id=self.client.id,
                scope=self.scope,
                audience=self.audience,
                granted=self.granted,
            )
        return {
            "access_token": value,
            "token_type": "Bearer",
            "expires_in": tokens.access_seconds,
            "scope": self.scope,
        }


def prepare(
    provider: Provider, client: Client, granted: Granted | None, *, scope: str, resources: Sequence[str]
) -> Prepared:
    """An access token for a client. granted: None when it acts for itself.

    resources: the audiences asked for now (RFC 8707 2.2), of those that the grant, or else the client, may have; empty:
    all that were granted, or this provider when none were. Raises ProtocolError invalid_target.
    """
    deps = provider.deps
    allowed = client.resources if granted is None else granted.resources
    if set(resources) - set(allowed):
        raise ProtocolError("invalid_target", "a resource was not granted")
    audience = tuple(resources) or (granted.resources if granted is not None else ()) or (deps.settings.issuer,)
    subject = client.id if granted is None else provider.subject(client, granted.account_id)
    opaque = None
    if client.access_token_format == "opaque":
        now = deps.now()
        row = Opaque(
            grant_id=granted.grant_id if granted is not None else None,
            client_id=client.id,
            subject=subject,
            scope=scope,
            audience=list(audience),
            issued_at=now,
            expires_at=now + timedelta(seconds=provider.tokens.access_seconds),
        )
        opaque = PREFIX + deps.new_token(256), row
    return Prepared(provider, client, granted, scope, audience, subject, opaque)


def read(provider: Provider, token: str) -> AccessToken | None:
    """A genuine, unexpired access token of either format; whether its grant still stands is not looked at."""
    if not token.startswith(PREFIX):
        return provider.tokens.read_access(token)
    deps = provider.deps
    with at_once() as db:
        found = opaques.find(db, deps.digests.digest(Kind.ACCESS_TOKEN, token), now=deps.now())
    if found is None:
        return None
    told = {
        "iss": deps.settings.issuer,
        "sub": found.subject,
        "aud": found.audience[0] if len(found.audience) == 1 else found.audience,
        "client_id": found.client_id,
        "iat": int(found.issued_at.timestamp()),
        "exp": int(found.expires_at.timestamp()),
        "scope": found.scope,
    }
    return AccessToken(found.grant_id, found.client_id, found.subject, found.scope, told)
