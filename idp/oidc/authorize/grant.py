"""Granting: a grant and what the response type wants of it - a code, an access token, an ID token - in one answer.

A waiting request is answered once, whatever races. Signing happens after the commit: what was signed was granted.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from idp.audit import store as audit
from idp.database import transaction
from idp.digests import Kind
from idp.errors import AuthorizationAnswered
from idp.grants import store as grants
from idp.oidc.authorize import store
from idp.oidc.authorize.answers import Answered, Posted, carry
from idp.oidc.authorize.flow import Request
from idp.oidc.authorize.store import Waiting
from idp.oidc.logout.state import session_state
from idp.oidc.provider import Provider
from idp.oidc.registration.metadata import Client
from idp.oidc.token import access_tokens
from idp.oidc.token import store as token_store
from idp.oidc.token.store import Granted
from idp.oidc.token.userinfo import in_id_token
from idp.sessions.store import SignedIn


def answer(
    provider: Provider, client: Client, waiting: Waiting, signed_in: SignedIn, *, stored: bool
) -> Answered | Posted | None:
    """What the portal asked for, at its redirect URI; None, and nothing done, when the sign-in ended meanwhile.

    stored: the request is a row, to be marked as answered. Raises AuthorizationAnswered for whoever comes second.
    """
    deps, request, now = provider.deps, waiting.request, provider.deps.now()
    kinds = request.response_type.split()
    code = deps.new_token(256) if "code" in kinds else ""
    new = _new_grant(provider, request, signed_in, now=now)
    with transaction() as db:
        if not grants.create(db, new):
            return None
        if stored and not store.mark_answered(db, waiting.id, now=now):
            raise AuthorizationAnswered(agency_id=request.agency_id)
        if code:
            store.add_code(
                db,
                digest=deps.digests.digest(Kind.AUTHORIZATION_CODE, code),
                grant_id=new.id,
                client_id=request.client_id,
                redirect_uri=request.redirect_uri,
                code_challenge=request.code_challenge,
                nonce=request.nonce,
                expires_at=now + timedelta(seconds=deps.settings.code_validity_seconds),
            )
        if stored:
            audit.record(
                db,
                deps,
                "authorize.answered",
                subject=signed_in.account_id,
                agency_id=request.agency_id,
                cause=new.id,
                client=request.client_id,
            )
        granted = token_store.granted(db, new.id, now=now) if kinds != ["code"] else None
    tokens = _tokens(provider, client, request, granted, code) if granted is not None else {}
    return carry(
        request.redirect_uri,
        request.response_mode,
        code=code,
        **tokens,
        state=request.state,
        iss=deps.settings.issuer,
        session_state=session_state(deps, client_id=client.id, redirect_uri=request.redirect_uri, sid=signed_in.sid),
    )


def _new_grant(provider: Provider, request: Request, signed_in: SignedIn, *, now: datetime) -> grants.NewGrant:
    deps = provider.deps
    return grants.NewGrant(
        id=deps.new_id(),
        account_id=signed_in.account_id,
        client_id=request.client_id,
        sid=signed_in.sid,
        agency_id=request.agency_id,
        scope=request.scope,
        authenticated_at=signed_in.authenticated_at,
        created_at=now,
        expires_at=now + timedelta(days=deps.settings.refresh_token_absolute_days),
        claims=request.claims or None,
        resources=list(request.resources) or None,
    )


def _tokens(provider: Provider, client: Client, request: Request, granted: Granted, code: str) -> dict[str, str]:
    """The access token and the ID token that the response type asks for (OIDC Core 3.2.2.5 and 3.3.2.5)."""
    kinds = request.response_type.split()
    told: dict[str, str] = {}
    if "token" in kinds:
        access = access_tokens.prepare(provider, client, granted, scope=request.scope, resources=())
        if access.stored:
            with transaction() as db:
                access.store(db)
        told |= {name: str(value) for name, value in access.answer().items()}
    if "id_token" in kinds:
        alone = kinds == ["id_token"]
        told["id_token"] = provider.tokens.id_token(
            client,
            granted,
            nonce=request.nonce,
            access_token=told.get("access_token"),
            code=code or None,
            about=in_id_token(provider, client, granted, scope=request.scope if alone else ""),
        )
    return told
