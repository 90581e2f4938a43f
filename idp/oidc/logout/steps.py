"""Who may end a sign-in, and where the browser goes afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from idp.audit import store as audit
from idp.database import transaction
from idp.deps import Deps
from idp.grants import store as grants
from idp.oidc.authorize.flow import answer
from idp.oidc.registration import clients
from idp.sessions import store as sessions
from idp.sessions.store import SignedIn


@dataclass(frozen=True)
class LogoutRequest:
    """A portal's request, as far as it can be trusted.

    proven: its id_token_hint is genuine and of this very sign-in (or of nobody's who is signed in here), so nothing
    is asked. return_to: a registered address to go on to, with the state; None for our own page.
    """

    proven: bool
    return_to: str | None


def understand(
    deps: Deps, asked: Mapping[str, str], hint: dict[str, Any] | None, signed_in: SignedIn | None
) -> LogoutRequest:
    """Decide what a logout request may do. hint: claims of a genuine id_token_hint, expired or not.

    The return address is only followed when the client is known by the hint or by client_id, they do not contradict
    each other, and the address is registered: else logout would be an open redirector (section 3).
    """
    client_id = asked.get("client_id") or (str(hint["aud"]) if hint else "")
    if hint is not None and asked.get("client_id") not in (None, "", hint["aud"]):
        return LogoutRequest(proven=False, return_to=None)
    client = clients.find(deps, client_id)
    wanted = asked.get("post_logout_redirect_uri", "")
    allowed = client is not None and client.disabled_at is None and wanted in client.post_logout_redirect_uris
    return_to = answer(wanted, state=asked.get("state", "")) if allowed else None
    return LogoutRequest(proven=hint is not None and _of_this(hint, signed_in), return_to=return_to)


def end(deps: Deps, signed_in: SignedIn) -> None:
    """End the sign-in and what it gave to portals."""
    now = deps.now()
    with transaction() as db:
        sessions.end(db, signed_in.sid, now=now)
        grants.revoke_of_sign_in(db, signed_in.sid, now=now)
        audit.record(db, deps, "logout.completed", subject=signed_in.account_id, cause=signed_in.sid)


def _of_this(hint: Mapping[str, Any], signed_in: SignedIn | None) -> bool:
    """A hint of the same person; when somebody else is signed in, the person at the screen is asked (section 2)."""
    return signed_in is None or hint.get("sub") == signed_in.account_id
