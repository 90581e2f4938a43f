"""Ending a sign-in, asked for by a portal or by the person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from idp.audit import store as audit
from idp.database import transaction
from idp.deps import Deps
from idp.grants import store as grants
from idp.oidc.logout import flow
from idp.oidc.logout.flow import LogoutRequest
from idp.oidc.provider import Provider
from idp.oidc.registration import clients
from idp.sessions import store as sessions
from idp.sessions.store import SignedIn


def understand(
    provider: Provider, asked: Mapping[str, str], hint: Mapping[str, Any] | None, signed_in: SignedIn | None
) -> LogoutRequest:
    """What a request may do. asked: its parameters, without empty ones. hint: claims of a genuine id_token_hint."""
    client = clients.find(provider.deps, str(hint["aud"]) if hint is not None else asked.get("client_id", ""))
    same = signed_in is None or (
        hint is not None
        and client is not None
        and flow.of_sign_in(hint, sid=signed_in.sid, sub=provider.subject(client, signed_in.account_id))
    )
    return flow.understand(asked, hint, client, same_person=same)


def end(deps: Deps, signed_in: SignedIn) -> None:
    """End the sign-in and what it gave to portals."""
    now = deps.now()
    with transaction() as db:
        sessions.end(db, signed_in.sid, now=now)
        grants.revoke_of_sign_in(db, signed_in.sid, now=now)
        audit.record(db, deps, "logout.completed", subject=signed_in.account_id, cause=signed_in.sid)
