"""Granting: a grant and what the response type wants of it - a code, an access token, an ID token - in one answer.

A waiting request is answered once, whatever races. Signing happens after the commit: what was signed was granted.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from idp.audit import store as audit
from idp.database import at_once
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
from idp.oidc.userinfo.steps import in_id_token
from idp.sessions import store as sessions
from idp.sessions.store import SignedIn
from idp.statements import Rows


def answer(
    provider: Provider, client: Client, waiting: Waiting, signed_in: SignedIn, *, stored: bool
) -> Answered | Posted | None:
    """What the portal asked for, at its redirect URI; None, and nothing done, when the sign-in ended meanwhile.

    stored: the request is a row, to be marked as answered. Raises AuthorizationAnswered for whoever comes second.
    """
    deps, request, now = provider.deps, waiting.request, provider.deps.now()
    kinds = request.response_type.split()
    code = deps.new_token(256) if "code" in kinds else ""
    new = _new_grant(provider, request, now=now)
    adding = _code_row(provider, request, new, code, now=now) if code else {}
    if stored:
        done = _grant_waiting(provider, waiting, new, signed_in, adding, now=now)
    else:
        with at_once() as connection:
            done = grants.create(connection, new, signed_in, adding=adding)
    if not done:
        return None
    granted = None
    if kinds != ["code"]:
        with at_once() as connection:
            granted = token_store.granted(connection, new.id, now=now)
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


def at_sight(provider: Provider, request: Request, session_token: str) -> Answered | Posted | None:
    """A code for whichever sign-in the browser presents; None, and nothing done, when somebody must look at it first.

    For a request that any sign-in answers. Where portals ask for the state of the sign-in, it is looked at.
    """
    deps, now = provider.deps, provider.deps.now()
    if request.response_type != "code" or deps.settings.session_iframe:
        return None
    code, new = deps.new_token(256), _new_grant(provider, request, now=now)
    adding = _code_row(provider, request, new, code, now=now)
    with at_once() as connection:
        if not grants.create_at_sight(connection, new, sessions.in_use(deps, session_token), adding=adding):
            return None
    return carry(request.redirect_uri, request.response_mode, code=code, state=request.state, iss=deps.settings.issuer)


def _grant_waiting(
    provider: Provider, waiting: Waiting, new: grants.NewGrant, signed_in: SignedIn, adding: Rows, *, now: datetime
) -> bool:
    """Grant what a row asks for, and mark the row as answered, both or neither. Raises AuthorizationAnswered."""
    request = waiting.request
    event = audit.event(
        provider.deps,
        "authorize.answered",
        subject=signed_in.account_id,
        agency_id=request.agency_id,
        cause=new.id,
        client=request.client_id,
    )
    rows = {**grants.row(new, signed_in), **adding, **event}
    with at_once() as db:
        if store.grant(db, waiting.id, sid=signed_in.sid, now=now, adding=rows):
            return True
        found = store.load(db, waiting.id, now=now)
    if found is None or found.answered_at is not None:
        raise AuthorizationAnswered(agency_id=request.agency_id)
    return False


def _code_row(provider: Provider, request: Request, new: grants.NewGrant, code: str, *, now: datetime) -> Rows:
    return store.code_row(
        digest=provider.deps.digests.digest(Kind.AUTHORIZATION_CODE, code),
        grant_id=new.id,
        client_id=request.client_id,
        redirect_uri=request.redirect_uri,
        code_challenge=request.code_challenge,
        nonce=request.nonce,
        expires_at=now + timedelta(seconds=provider.deps.settings.code_validity_seconds),
    )


def _new_grant(provider: Provider, request: Request, *, now: datetime) -> grants.NewGrant:
    deps = provider.deps
    return grants.NewGrant(
        id=deps.new_id(),
        client_id=request.client_id,
        agency_id=request.agency_id,
        scope=request.scope,
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
        access.store()
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
