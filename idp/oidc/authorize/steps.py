"""Answering authorization requests: at once when the browser's sign-in fits, else when the person comes back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from idp.audit import store as audit
from idp.database import reading, transaction
from idp.deps import Deps
from idp.digests import Kind
from idp.errors import AgencyClosed, AgencyUnknown, AuthorizationAnswered, AuthorizationUnknown, CodesMissing
from idp.grants import store as grants
from idp.oidc.authorize import checks, flow, store
from idp.oidc.authorize.flow import Decision
from idp.oidc.authorize.store import Waiting
from idp.oidc.protocol import ProtocolError
from idp.oidc.registration import clients
from idp.oidc.registration.metadata import Client
from idp.sessions.store import SignedIn
from idp.tenancy import resolve


@dataclass(frozen=True)
class Answered:
    """Send the browser to the portal, with a code or an error."""

    location: str


@dataclass(frozen=True)
class MustSignIn:
    """The request waits under this id while the person signs in."""

    authorization_id: str
    agency_id: str | None


@dataclass(frozen=True)
class Stored:
    """A POSTed request became a row: come back for it with GET, which carries the browser's cookies."""

    authorization_id: str


AccountOfHint = Callable[[str, str], str | None]


def authorize(
    deps: Deps,
    pairs: Sequence[tuple[str, str]],
    *,
    browser_digest: str,
    signed_in: SignedIn | None,
    account_of_hint: AccountOfHint,
    posted: bool = False,
) -> Answered | MustSignIn | Stored:
    """Check a request and answer it, or keep it.

    pairs: its parameters as sent. account_of_hint: (id_token_hint, client id) -> account, None for a forged hint.
    posted: by POST, which browsers send without our cookies, so nothing is decided yet.
    Raises AuthorizationMalformed, ClientUnknown, RedirectUnregistered: shown, never redirected.
    """
    asked = checks.gather(pairs)
    client = clients.find(deps, asked.get("client_id"))
    redirect_uri = checks.trust(asked, client)
    assert client is not None
    try:
        for check in checks.CHECKS:
            check(asked, client)
        agency_id = _agency(asked, client)
        hint_account = _hinted(asked, client, account_of_hint)
    except ProtocolError as error:
        return _failed(deps, redirect_uri, checks.echoed_state(asked), error)
    now = deps.now()
    request = flow.build(asked, client, redirect_uri, agency_id=agency_id, hint_account=hint_account, now=now)
    waiting = Waiting(
        id=deps.new_token(128),
        browser_digest="" if posted else browser_digest,
        request=request,
        created_at=now,
        expires_at=now + timedelta(days=deps.settings.authorization_validity_days),
        answered_at=None,
    )
    if posted:
        with transaction() as db:
            store.add(db, waiting)
        return Stored(waiting.id)
    return _proceed(deps, waiting, signed_in, stored=False)


def resume(
    deps: Deps, authorization_id: str, *, browser_digest: str, signed_in: SignedIn | None
) -> Answered | MustSignIn:
    """Decide a waiting request again. Raises AuthorizationUnknown, AuthorizationAnswered."""
    waiting = adopt(deps, authorization_id, browser_digest=browser_digest)
    if waiting is None:
        raise AuthorizationUnknown()
    if waiting.answered_at is not None:
        raise AuthorizationAnswered(agency_id=waiting.request.agency_id)
    return _proceed(deps, waiting, signed_in, stored=True)


def adopt(deps: Deps, authorization_id: str, *, browser_digest: str) -> Waiting | None:
    """The waiting request, for this browser. None when there is none.

    A row is only ever answered in the browser that started it. Another browser that comes with its id (a lost
    cookie, a bookmark) gets a copy of the question, which is what opening the portal's own link there would give.
    """
    now = deps.now()
    with reading() as db:
        waiting = store.load(db, authorization_id, now=now)
    if waiting is None or waiting.browser_digest == browser_digest:
        return waiting
    if waiting.browser_digest == "":
        with transaction() as db:
            if store.claim(db, authorization_id, browser_digest=browser_digest):
                return replace(waiting, browser_digest=browser_digest)
    copy = replace(waiting, id=deps.new_token(128), browser_digest=browser_digest, created_at=now, answered_at=None)
    with transaction() as db:
        store.add(db, copy)
    return copy


def _proceed(deps: Deps, waiting: Waiting, signed_in: SignedIn | None, *, stored: bool) -> Answered | MustSignIn:
    request = waiting.request
    decision = flow.decide(request, signed_in, arrived_at=waiting.created_at)
    if decision is Decision.SIGN_IN:
        if not stored:
            with transaction() as db:
                store.add(db, waiting)
        return MustSignIn(waiting.id, request.agency_id)
    if decision is Decision.LOGIN_REQUIRED:
        if stored:
            with transaction() as db:
                if not store.mark_answered(db, waiting.id, now=deps.now()):
                    raise AuthorizationAnswered(agency_id=request.agency_id)
        error = ProtocolError("login_required", "the person must sign in")
        return _failed(deps, request.redirect_uri, request.state, error)
    assert signed_in is not None
    return _issue(deps, waiting, signed_in, stored=stored)


def _issue(deps: Deps, waiting: Waiting, signed_in: SignedIn, *, stored: bool) -> Answered:
    """A grant and its code, and the answer that carries it; a waiting request is answered once, whatever races."""
    request, now = waiting.request, deps.now()
    code = deps.new_token(256)
    grant = grants.NewGrant(
        id=deps.new_id(),
        account_id=signed_in.account_id,
        client_id=request.client_id,
        sid=signed_in.sid,
        agency_id=request.agency_id,
        scope=request.scope,
        authenticated_at=signed_in.authenticated_at,
        created_at=now,
        expires_at=now + timedelta(days=deps.settings.refresh_token_absolute_days),
    )
    with transaction() as db:
        if stored and not store.mark_answered(db, waiting.id, now=now):
            raise AuthorizationAnswered(agency_id=request.agency_id)
        grants.create(db, grant)
        store.add_code(
            db,
            digest=deps.digests.digest(Kind.AUTHORIZATION_CODE, code),
            grant_id=grant.id,
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
                cause=grant.id,
                client=request.client_id,
            )
    location = flow.answer(request.redirect_uri, code=code, state=request.state, iss=deps.settings.issuer)
    return Answered(location)


def _failed(deps: Deps, redirect_uri: str, state: str, error: ProtocolError) -> Answered:
    return Answered(
        flow.answer(
            redirect_uri,
            error=error.error,
            error_description=error.description,
            state=state,
            iss=deps.settings.issuer,
        )
    )


def _hinted(asked: checks.Asked, client: Client, account_of_hint: AccountOfHint) -> str | None:
    """The account of the id_token_hint; None without a hint. Raises ProtocolError for a forged one."""
    hint = asked.get("id_token_hint")
    account = account_of_hint(hint, client.id) if hint else None
    if hint and account is None:
        raise ProtocolError("invalid_request", "id_token_hint was not issued here to this client")
    return account


def _agency(asked: checks.Asked, client: Client) -> str | None:
    """The agency asked for: the client's own, or one of its customer's, or any for a platform's client.

    Raises ProtocolError when the codes name none that this client may ask for.
    """
    codes = asked.get(resolve.CUSTOMER), asked.get(resolve.COMPANY)
    if not any(codes):
        return client.agency_id
    try:
        with reading() as db:
            agency = resolve.by_codes(db, *codes)
    except (AgencyClosed, AgencyUnknown, CodesMissing):
        raise ProtocolError("invalid_request", "client and societe name no agency") from None
    if client.agency_id not in (None, agency.id) or client.customer_id not in (None, agency.customer_id):
        raise ProtocolError("invalid_request", "this client may not ask for that agency")
    return agency.id
