"""Session Management 1.0: what a portal's page can ask a frame of ours, whether the sign-in is still the same.

Only while the setting `session_iframe` is on: it needs a cookie that scripts may read, and that browsers send inside
other sites' pages. The cookie is a digest of the sign-in's `sid`, and signs nobody in.
"""

from __future__ import annotations

import hashlib

from idp.deps import Deps
from idp.digests import Kind
from idp.oidc.authorize.answers import origin


def browser_state(deps: Deps, sid: str) -> str:
    """What the browser keeps of a sign-in, 64 hex characters (section 4.2)."""
    return deps.digests.digest(Kind.SESSION_STATE, sid)


def session_state(deps: Deps, *, client_id: str, redirect_uri: str, sid: str) -> str:
    """The `session_state` of an authorization answer; empty while the setting is off, or for a private scheme.

    Salted, so that two portals cannot compare theirs (section 4.2). `check_session.js` computes the same.
    """
    source = origin(redirect_uri)
    if not deps.settings.session_iframe or not source.startswith("http"):
        return ""
    salt = deps.new_token(128)
    hashed = hashlib.sha256(f"{client_id} {source} {browser_state(deps, sid)} {salt}".encode()).hexdigest()
    return f"{hashed}.{salt}"
