"""What a portal's server does with a code, a refresh token, or its own credentials: it gets tokens.

Client authentication and the shape of the request are checked before (`oidc/server.py`); here is what is done, with
reads and writes counted. Signing happens after the commit: what was signed was granted.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from idp.audit import store as audit
from idp.database import at_once, transaction
from idp.deps import Deps
from idp.digests import Kind
from idp.grants import store as grants
from idp.oidc.protocol import ProtocolError
from idp.oidc.provider import Provider
from idp.oidc.registration.metadata import Client
from idp.oidc.token import access_tokens, store
from idp.oidc.token.access_tokens import Prepared
from idp.oidc.token.at_sight import store as at_sight
from idp.oidc.token.at_sight.store import Next
from idp.oidc.token.store import Code, Granted, Refresh
from idp.oidc.userinfo.steps import in_id_token
from idp.statements import Rows


def find_code(provider: Provider, client: Client, code: str, *, redirect_uri: str, challenge: str) -> Code:
    """The code, of this client and unused. A used one revokes what it bought (RFC 6749 4.1.2). Raises ProtocolError.

    redirect_uri, challenge: what a code that fits both may be spent for at sight, nothing else being asked; empty: it
    must not be.
    """
    deps = provider.deps
    now = deps.now()
    digest = deps.digests.digest(Kind.AUTHORIZATION_CODE, code)
    found = None
    with at_once() as db:
        if redirect_uri and challenge and _stores_no_access_token(client) and at_sight.possible(db):
            refreshes = "refresh_token" in client.grant_types
            found = at_sight.code(
                db,
                digest,
                client_id=client.id,
                redirect_uri=redirect_uri,
                challenge=challenge,
                next_one=_next(deps, deps.new_token(256), now=now) if refreshes else None,
                now=now,
            )
        if found is None:
            found = store.code(db, digest, client_id=client.id, now=now)
    if found is None:
        raise ProtocolError("invalid_grant", "the code is unknown")
    if found.bought is not None:
        return found
    if found.consumed:
        _revoke_for_reuse(provider, found.granted, "code")
        raise ProtocolError("invalid_grant", "the code was used already")
    if found.expires_at <= now:
        # Who was refused is refused for good, also when the clock goes back (decision 44).
        with transaction() as db:
            store.forget_code(db, digest)
    if found.expires_at <= now or not found.granted.alive:
        raise ProtocolError("invalid_grant", "the code has expired")
    return found


def redeem_code(provider: Provider, client: Client, code: Code, *, resources: Sequence[str]) -> dict[str, Any]:
    """Spend a code whose redirect URI and verifier were checked, for tokens; exactly one caller ever succeeds.

    resources: what the access token is for, of those granted (RFC 8707 2.2); empty: all of them.
    Raises ProtocolError invalid_grant for whoever comes second, even at the same instant; invalid_target.
    """
    deps, granted = provider.deps, code.granted
    now = deps.now()
    access = access_tokens.prepare(provider, client, granted, scope=granted.scope, resources=resources)
    if code.bought is not None:
        return _answer(provider, client, granted, access, nonce=code.nonce, refresh_token=code.bought.refresh_token)
    token = deps.new_token(256) if _refreshable(client, granted.scope) else None
    added = {**_refresh_row(deps, granted, token, now=now), **access.row} if token is not None else access.row
    with at_once() as db:
        won = store.consume_code(db, code.digest, now=now, adding=added)
    if not won:
        _revoke_for_reuse(provider, granted, "code")
        raise ProtocolError("invalid_grant", "the code was used already")
    return _answer(provider, client, granted, access, nonce=code.nonce, refresh_token=token)


def find_refresh_token(provider: Provider, client: Client, token: str, *, plain: bool) -> Refresh:
    """The refresh token, of this client, with a live grant; rotated ones too. Raises ProtocolError.

    plain: nothing narrower is asked for than was granted, so that it may be replaced at sight.
    """
    deps = provider.deps
    now = deps.now()
    digest = deps.digests.digest(Kind.REFRESH_TOKEN, token)
    found = None
    with at_once() as db:
        if plain and _stores_no_access_token(client) and at_sight.possible(db):
            next_one = _next(deps, _successor(deps, token), now=now)
            found = at_sight.refresh_token(db, digest, client_id=client.id, next_one=next_one, now=now)
        if found is None:
            found = store.refresh_token(db, digest, client_id=client.id, now=now)
    if found is not None and found.expires_at <= now:
        with transaction() as db:
            store.forget_refresh_token(db, digest)
    if found is None or not found.granted.alive or found.expires_at <= now:
        raise ProtocolError("invalid_grant", "the refresh token is unknown, expired or revoked")
    return found


def rotate(
    provider: Provider, client: Client, presented: Refresh, token: str, *, scope: str, resources: Sequence[str]
) -> dict[str, Any]:
    """Replace a refresh token by its successor; exactly one caller ever does (RFC 9700 4.14.2).

    The successor is derived from the token, so a portal whose answer was lost, or whose two threads refresh at once,
    is given the same successor again for a few seconds, and the family never forks. Later, or once the successor was
    used, a second presentation is a theft: the grant is revoked. Raises ProtocolError.
    """
    deps, granted = provider.deps, presented.granted
    now = deps.now()
    access = access_tokens.prepare(provider, client, granted, scope=scope, resources=resources)
    if presented.bought is not None:
        return _answer(provider, client, granted, access, nonce=None, refresh_token=presented.bought.refresh_token)
    successor = _successor(deps, token)
    added = {**_refresh_row(deps, granted, successor, now=now), **access.row}
    with at_once() as db:
        won = store.rotate(db, presented.digest, now=now, adding=added)
    if not won:
        if not _answer_was_lost(deps, presented, successor, now=now):
            _revoke_for_reuse(provider, granted, "refresh token")
            raise ProtocolError("invalid_grant", "the refresh token was used already")
        access.store()
    return _answer(provider, client, granted, access, nonce=None, refresh_token=successor)


def client_credentials(provider: Provider, client: Client, *, scope: str, resources: Sequence[str]) -> dict[str, Any]:
    """A token for the client itself; a signed one is not stored. `openid` means a person, so it is not granted."""
    access = access_tokens.prepare(provider, client, None, scope=scope, resources=resources)
    access.store()
    return access.answer()


def _answer(
    provider: Provider,
    client: Client,
    granted: Granted,
    access: Prepared,
    *,
    nonce: str | None,
    refresh_token: str | None,
) -> dict[str, Any]:
    """The token response (RFC 6749 5.1, OIDC Core 3.1.3.3)."""
    answer = access.answer()
    if refresh_token is not None:
        answer["refresh_token"] = refresh_token
    if "openid" in access.scope.split():
        answer["id_token"] = provider.tokens.id_token(
            client,
            granted,
            nonce=nonce,
            access_token=answer["access_token"],
            about=in_id_token(provider, client, granted, scope=""),
        )
    return answer


def _next(deps: Deps, token: str, *, now: datetime) -> Next:
    """The refresh token that is to follow, and how long it may live: a family has an end, and ends of silence before."""
    return Next(
        token,
        deps.digests.digest(Kind.REFRESH_TOKEN, token),
        idle_until=now + timedelta(days=deps.settings.refresh_token_idle_days),
        absolute=timedelta(days=deps.settings.refresh_token_absolute_days),
    )


def _refresh_row(deps: Deps, granted: Granted, token: str, *, now: datetime) -> Rows:
    following = _next(deps, token, now=now)
    return store.refresh_row(
        digest=following.digest,
        grant_id=granted.grant_id,
        now=now,
        expires_at=min(following.idle_until, granted.created_at + following.absolute),
    )


def _stores_no_access_token(client: Client) -> bool:
    """What is stored with a grant must be known before it is spent; a signed token is made afterwards."""
    return client.access_token_format != "opaque"


def _answer_was_lost(deps: Deps, presented: Refresh, successor: str, *, now: datetime) -> bool:
    """Whether a second presentation is a repetition: a moment after the first, and its successor still unused.

    A moment before the first is one as well: clocks of two hosts differ. More than that, and a clock went back.
    """
    grace = timedelta(seconds=deps.settings.refresh_grace_seconds)
    if presented.rotated_at is not None and abs(now - presented.rotated_at) > grace:
        return False
    if not grace:
        return False
    with at_once() as db:
        return store.successor_alive(db, deps.digests.digest(Kind.REFRESH_TOKEN, successor), now=now)


def _successor(deps: Deps, token: str) -> str:
    """The token that replaces this one: 256 bits that only this provider can derive."""
    raw = hmac.digest(deps.digests.key(Kind.REFRESH_SUCCESSOR), token.encode("utf-8", "surrogatepass"), "sha256")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _refreshable(client: Client, scope: str) -> bool:
    return "refresh_token" in client.grant_types and "offline_access" in scope.split()


def _revoke_for_reuse(provider: Provider, granted: Granted, what: str) -> None:
    """A credential that comes back was copied: whoever holds what it bought, holds nothing now."""
    with transaction() as db:
        grants.revoke(db, granted.grant_id, now=provider.deps.now())
        audit.record(
            db,
            provider.deps,
            "token.reused",
            subject=granted.account_id,
            cause=granted.grant_id,
            client=granted.client_id,
            what=what,
        )
