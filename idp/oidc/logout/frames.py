"""Front-channel logout: portals that a browser tells, by loading their addresses in frames (Front-Channel Logout 1.0).

The page with the frames is shown after the sign-in ended, to the browser that it was at, for some minutes: whom a
person was at is nobody else's business.
"""

from __future__ import annotations

from datetime import timedelta

from idp.database import reading
from idp.grants import store as grants
from idp.oidc.authorize.answers import in_query
from idp.oidc.provider import Provider
from idp.oidc.registration import clients
from idp.sessions import store as sessions

SHOWN_FOR = timedelta(minutes=10)


def addresses(provider: Provider, sid: str, *, browser_digest: str) -> list[str]:
    """What to load for a sign-in that just ended at this browser, each with `iss` and `sid` (section 2)."""
    deps = provider.deps
    with reading() as db:
        if not sessions.ended_here(db, sid, browser_digest=browser_digest, since=deps.now() - SHOWN_FOR):
            return []
        told = [client_id for _, client_id in grants.clients_of(db, [sid])]
    known = [clients.find(deps, client_id) for client_id in sorted(told)]
    uris = [c.frontchannel_logout_uri for c in known if c is not None and c.disabled_at is None]
    return [in_query(uri, iss=deps.settings.issuer, sid=sid) for uri in uris if uri is not None]
