"""Finding a portal, from the cache when it was looked up a moment ago."""

from __future__ import annotations

from idp.database import reading
from idp.deps import Deps
from idp.oidc.registration import store
from idp.oidc.registration.metadata import Client


def find(deps: Deps, client_id: str) -> Client | None:
    """A portal by its id, disabled ones too; None for an unknown or impossible id. Opens no transaction on a hit."""
    if not possible(client_id):
        return None
    known = store.cache.get(client_id)
    if known is not None:
        return known
    drops = store.cache.drops
    with reading() as db:
        client = store.find(db, client_id, now=deps.now())
    if client is not None:
        store.cache.put(client, drops=drops)
    return client


def possible(client_id: str) -> bool:
    """Whether a text could be a portal's id at all: nothing else is worth a statement, or could even be put into one."""
    return 0 < len(client_id) <= 64 and client_id.isascii() and client_id.isprintable()
