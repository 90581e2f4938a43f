"""Who is signed in at a browser."""

from __future__ import annotations

from idp.database import at_once, transaction
from idp.deps import Deps
from idp.sessions import store
from idp.sessions.store import SignedIn


def present(deps: Deps, token: str | None) -> SignedIn | None:
    """The live sign-in of a cookie's value, as presented; its last use is written now and then."""
    if token is None:
        return None
    with at_once() as db:
        found = store.find(db, deps, token)
    if found is not None and store.stale(found, now=deps.now()):
        with transaction() as db:
            store.touch(db, found.id, now=deps.now())
    return found
