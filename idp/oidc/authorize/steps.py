"""Answering authorization requests: at once when the browser's sign-in fits, else when the person comes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from idp.database import at_once, reading, transaction
from idp.errors import AuthorizationAnswered, AuthorizationUnknown
from idp.oidc.authorize import checks, flow, grant, intake, pushed, store
from idp.oidc.authorize.answers import FORM_POST, Answered, Posted, carry
from idp.oidc.authorize.flow import Decision, Request
from idp.oidc.authorize.store import Waiting
from idp.oidc.consent import store as consents
from idp.oidc.provider import Provider
from idp.oidc.registration import clients
from idp.oidc.registration.metadata import Client
from idp.sessions import steps as sessions
from idp.sessions.store import SignedIn


@dataclass(frozen=True)
class MustSignIn:
    """The request waits under this id while the person signs in. create: rather makes an account of a letter."""

    authorization_id: str
    agency_id: str | None
    create: bool = False


@dataclass(frozen=True)
class MustConsent:
    """The request waits under this id while the person is asked what the portal may know."""

    authorization_id: str


@dataclass(frozen=True)
class Stored:
    """A POSTed request became a row: come back for it with GET, which carries the browser's cookies."""

    authorization_id: str


Outcome = Answered | Posted | MustSignIn | MustConsent


def authorize(
    provider: Provider, pairs: Sequence[tuple[str, str]], *, browser_digest: str, session_token: str | None
) -> Outcome:
    """Check a request and answer it, or keep it. pairs: its parameters as sent; session_token: the browser's secret.

    Raises AuthorizationMalformed, AuthorizationUnknown, ClientUnknown, RedirectUnregistered: shown, never redirected.
    """
    asked = checks.gather(pairs, implicit_allowed=provider.deps.settings.implicit_allowed)
    if asked.get("request_uri").startswith(pushed.PREFIX):
        brought = pushed.start(provider, asked, browser_digest=browser_digest)
        signed_in = sessions.present(provider.deps, session_token)
        return resume(provider, brought, browser_digest=browser_digest, signed_in=signed_in)
    request = intake.read(provider, asked)
    if not isinstance(request, Request):
        return request
    if session_token is not None:
        answer = _at_sight(provider, request, session_token)
        if answer is not None:
            return answer
    waiting = intake.waiting(provider, request, browser_digest=browser_digest)
    return _proceed(provider, waiting, sessions.present(provider.deps, session_token), stored=False)


def keep(provider: Provider, pairs: Sequence[tuple[str, str]]) -> Answered | Posted | Stored:
    """The same for a POSTed request, which browsers send without our cookies: nothing is decided yet."""
    asked = checks.gather(pairs, implicit_allowed=provider.deps.settings.implicit_allowed)
    request = intake.read(provider, asked)
    if not isinstance(request, Request):
        return request
    waiting = intake.waiting(provider, request, browser_digest="")
    _let_wait(waiting)
    return Stored(waiting.id)


def resume(provider: Provider, authorization_id: str, *, browser_digest: str, signed_in: SignedIn | None) -> Outcome:
    """Decide a waiting request again. Raises AuthorizationUnknown, AuthorizationAnswered."""
    waiting = adopt(provider, authorization_id, browser_digest=browser_digest)
    if waiting is None:
        raise AuthorizationUnknown()
    if waiting.answered_at is not None:
        raise AuthorizationAnswered(agency_id=waiting.request.agency_id)
    return _proceed(provider, waiting, signed_in, stored=True)


def go_on(provider: Provider, waiting: Waiting, signed_in: SignedIn) -> Outcome | None:
    """The same for whoever signed in a moment ago, on a page that `waiting` was read for: no further request is needed.

    None where it takes one: the answer is a page of its own. Raises AuthorizationAnswered for whoever comes second.
    """
    if provider.deps.settings.session_iframe:  # the state of the sign-in goes with the answer
        return None
    if waiting.answered_at is not None or waiting.request.response_mode == FORM_POST:
        return None
    return _proceed(provider, waiting, signed_in, stored=True)


def refuse(provider: Provider, authorization_id: str, *, browser_digest: str) -> Answered | Posted:
    """The person said no: tell the portal, once. Raises AuthorizationUnknown, AuthorizationAnswered."""
    waiting = adopt(provider, authorization_id, browser_digest=browser_digest)
    if waiting is None:
        raise AuthorizationUnknown()
    return _failed(provider, waiting, "access_denied", "the person refused", stored=True)


def choose(provider: Provider, authorization_id: str) -> None:
    """The person said on our page that the sign-in which is there is theirs, which prompt=select_account asks."""
    with transaction() as db:
        waiting = store.load(db, authorization_id, now=provider.deps.now())
        if waiting is not None and waiting.request.chooses:
            store.keep(db, authorization_id, flow.chosen(waiting.request))


def adopt(provider: Provider, authorization_id: str, *, browser_digest: str) -> Waiting | None:
    """The waiting request, for this browser. None when there is none.

    A row is only ever answered in the browser that started it. Another browser that comes with its id (a lost
    cookie, a bookmark) gets a copy of the question, which is what opening the portal's own link there would give.
    """
    deps = provider.deps
    now = deps.now()
    with at_once() as db:
        waiting = store.load(db, authorization_id, now=now)
    if waiting is None or waiting.browser_digest == browser_digest:
        return waiting
    if waiting.browser_digest == "":
        with transaction() as db:
            if store.claim(db, authorization_id, browser_digest=browser_digest, expires_at=waiting.expires_at):
                return replace(waiting, browser_digest=browser_digest)
    copy = replace(waiting, id=deps.new_token(128), browser_digest=browser_digest, created_at=now, answered_at=None)
    _let_wait(copy)
    return copy


def settles(provider: Provider, waiting: Waiting, signed_in: SignedIn) -> bool:
    """Whether this sign-in answers the request, as far as signing in goes."""
    return _decision(provider, waiting, _client(provider, waiting.request), signed_in) is not Decision.SIGN_IN


# --- the decision, and what follows from it ---------------------------------------------------------------------------


def _at_sight(provider: Provider, request: Request, session_token: str) -> Answered | Posted | None:
    """The answer to a request that any sign-in answers, by the statement that finds the sign-in; None: somebody must look."""
    if not flow.any_sign_in_answers(request, consented=_client(provider, request).first_party):
        return None
    return grant.at_sight(provider, request, session_token)


def _proceed(provider: Provider, waiting: Waiting, signed_in: SignedIn | None, *, stored: bool) -> Outcome:
    client = _client(provider, waiting.request)
    decision = _decision(provider, waiting, client, signed_in)
    if decision is Decision.LOGIN_REQUIRED:
        return _failed(provider, waiting, "login_required", "the person must sign in", stored=stored)
    if decision is Decision.CONSENT_REQUIRED:
        return _failed(provider, waiting, "consent_required", "the person must be asked", stored=stored)
    if decision is Decision.ANSWER:
        assert signed_in is not None
        answer = grant.answer(provider, client, waiting, signed_in, stored=stored)
        return answer or _proceed(provider, waiting, None, stored=stored)
    if not stored:
        _let_wait(waiting)
    if decision is Decision.CONSENT:
        return MustConsent(waiting.id)
    return MustSignIn(waiting.id, waiting.request.agency_id, create="create" in waiting.request.prompts)


def _let_wait(waiting: Waiting) -> None:
    with at_once() as db:
        store.add(db, waiting)


def _decision(provider: Provider, waiting: Waiting, client: Client, signed_in: SignedIn | None) -> Decision:
    request = waiting.request
    return flow.decide(
        request,
        signed_in,
        subject=provider.subject(client, signed_in.account_id) if signed_in is not None else "",
        consented=signed_in is not None and _consented(waiting, client, signed_in),
        arrived_at=waiting.created_at,
    )


def _consented(waiting: Waiting, client: Client, signed_in: SignedIn) -> bool:
    """Whether the person allowed what is asked, or need not be asked: prompt=consent wants an answer of now."""
    if client.first_party:
        return True
    request = waiting.request
    with reading() as db:
        return consents.covers(
            db,
            account_id=signed_in.account_id,
            client_id=client.id,
            scope=request.scope,
            claims=request.claim_names,
            since=waiting.created_at if "consent" in request.prompts else None,
        )


def _client(provider: Provider, request: Request) -> Client:
    """The client of a request that was sound when it came. Raises ClientUnknown for one that is gone since."""
    return checks.open_client(clients.find(provider.deps, request.client_id))


def _failed(provider: Provider, waiting: Waiting, error: str, description: str, *, stored: bool) -> Answered | Posted:
    request = waiting.request
    if stored:
        with transaction() as db:
            if not store.mark_answered(db, waiting.id, now=provider.deps.now()):
                raise AuthorizationAnswered(agency_id=request.agency_id)
    return carry(
        request.redirect_uri,
        request.response_mode,
        error=error,
        error_description=description,
        state=request.state,
        iss=provider.deps.settings.issuer,
    )
