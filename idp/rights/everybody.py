"""Signing everybody out while people are served: what a breach asks for.

In small transactions one after the other, so that nobody waits for it; killed half-way and run again it ends the rest.
Whoever signs in after it began has proven to know the password, and stays signed in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from idp.database import transaction
from idp.deps import Deps
from idp.grants import store as grants
from idp.patience import again
from idp.sessions import store as sessions

BATCH = 500


def end_sign_ins(deps: Deps, *, since: datetime) -> Iterator[int]:
    """End the sign-ins of before `since`, and what they gave; yields how many each transaction ended.

    Access that was asked to outlive a sign-in goes on, as it does after every sign-out. Portals that registered for it
    are told as of every sign-out: each row that ended waits to be announced.
    """

    def batch(after: str) -> list[str]:
        with transaction() as db:
            ended = sessions.end_some(db, before=since, after=after, now=deps.now(), limit=BATCH)
            grants.revoke_of_sign_ins(db, ended.values(), now=deps.now())
        return list(ended)

    yield from _each(batch)


def end_grants(deps: Deps, *, since: datetime) -> Iterator[int]:
    """Void every grant of a sign-in of before `since`, access that outlives one included; yields as `end_sign_ins`."""

    def batch(after: str) -> list[str]:
        with transaction() as db:
            return grants.revoke_some(db, before=since, after=after, now=deps.now(), limit=BATCH)

    yield from _each(batch)


def _each(batch: Callable[[str], list[str]]) -> Iterator[int]:
    """batch: does the next of them after an id, and tells the ids that it did."""
    done = again(batch)("")
    while done:
        yield len(done)
        done = again(batch)(max(done))
