"""Allowing an application what it asks for, refusing it, and taking back what was allowed."""

from __future__ import annotations

from dataclasses import dataclass

from idp.audit import store as audit
from idp.database import transaction
from idp.deps import Deps
from idp.grants import store as grants
from idp.oidc.authorize import steps as authorize
from idp.oidc.authorize.answers import Answered, Posted
from idp.oidc.authorize.store import Waiting
from idp.oidc.consent import flow, store
from idp.oidc.provider import Provider
from idp.sessions.store import SignedIn


@dataclass(frozen=True)
class Consented:
    """The request can be decided again."""

    authorization_id: str


def allow(provider: Provider, waiting: Waiting, signed_in: SignedIn) -> Consented:
    """Keep that this person allows what the stored request asks for, whatever the form said, besides what was before."""
    deps, request = provider.deps, waiting.request
    now = deps.now()
    scope, claims = frozenset(request.scope.split()), request.claim_names
    with transaction() as db:
        before = store.find(db, account_id=signed_in.account_id, client_id=request.client_id)
        if before is not None:
            scope, claims = scope | before.scope, claims | before.claims
        store.save(db, signed_in.account_id, flow.Consent(request.client_id, scope, claims, now))
        audit.record(
            db,
            deps,
            "consent.given",
            subject=signed_in.account_id,
            agency_id=request.agency_id,
            cause=signed_in.sid,
            client=request.client_id,
            scope=" ".join(sorted(scope)),
        )
    return Consented(waiting.id)


def refuse(provider: Provider, waiting: Waiting, signed_in: SignedIn) -> Answered | Posted:
    """Tell the application that the person said no (OIDC Core 3.1.2.6); what was allowed before stays allowed."""
    client_id = waiting.request.client_id
    with transaction() as db:
        told = {"subject": signed_in.account_id, "cause": signed_in.sid, "client": client_id}
        audit.record(db, provider.deps, "consent.refused", **told)
    return authorize.refuse(provider, waiting.id, browser_digest=waiting.browser_digest)


def withdraw(deps: Deps, signed_in: SignedIn, client_id: str) -> None:
    """Take back what an application was allowed: it will have to ask again, and holds nothing that works."""
    now = deps.now()
    with transaction() as db:
        if store.remove(db, account_id=signed_in.account_id, client_id=client_id):
            grants.revoke_of_account_at(db, account_id=signed_in.account_id, client_id=client_id, now=now)
            audit.record(
                db, deps, "consent.withdrawn", subject=signed_in.account_id, cause=signed_in.sid, client=client_id
            )
