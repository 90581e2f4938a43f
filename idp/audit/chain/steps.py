"""Chaining the events, walking the chain, cutting its old end, and closing what another master secret made.

One sealer at a time puts new events at the end, in pages; writers never wait for it. An event that was committed late,
after younger ones were chained, is chained after them: the sealer looks back SETTLE, `verify` at everything.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from idp.audit.chain import hashes, store
from idp.audit.chain.hashes import Place
from idp.audit.store import PAGE
from idp.audit.tables import AuditEvent, AuditLink
from idp.database import reading, snapshot, transaction
from idp.deps import Deps

log = logging.getLogger(__name__)

# Longer than any transaction that writes an event, and than clocks of hosts differ.
SETTLE = timedelta(minutes=5)
# An event that was chained later than this after its deed is told: the service was down, or the chain is another one.
LATE = timedelta(hours=1)
_EVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Verified:
    """What a walk found. events: that are right; late: of those, chained late; head: the last place that is right.

    broken: what is wrong at the next one, None when all is right; event_id: which event, where it is known.
    unproven: events that were closed (`close`), and are there until they were kept long enough.
    """

    events: int
    late: int
    head: Place
    broken: str | None = None
    event_id: str | None = None
    unproven: int = 0


class Unclosable(Exception):
    """The chain is not what another secret would have left: the message says what is wrong with it."""


def seal(deps: Deps, *, everything: bool = False) -> int:
    """Chain the events that are not chained yet; returns how many.

    everything: look at all events there are and wait for another sealer, instead of leaving the work to it.
    """
    with reading() as db:
        head = store.head(db)
    since = _EVER if everything or head.sealed_at is None else min(head.sealed_at, deps.now()) - SETTLE
    after, total = (since, ""), 0
    while True:
        with reading() as db:
            events = store.page(db, after=after)
        if loose := [event.id for event in events if event.position is None]:
            with transaction() as db:
                if not store.alone(db, wait=everything):
                    return total
                total += _append(db, deps, loose)
        if len(events) < PAGE:
            return total
        after = (events[-1].at, events[-1].id)


def verify(deps: Deps, *, expected: Place | None = None) -> Verified:
    """Walk the chain from its anchor, in the order it was made, with flat memory; ends at the first thing that is wrong.

    expected: a place that was seen before, which must still be there; one from before the anchor cannot be told.
    """
    with snapshot() as db:
        anchor = store.anchor(db)
        head = store.place(anchor)
        if anchor is not None and not hashes.genuine(anchor.mac, hashes.anchor_mac(deps.digests, head)):
            return Verified(0, 0, head, "the anchor, where the old end was cut off, was changed")
        unproven = store.unproven(db, head.position)
        events = late = 0
        for link, event in store.walk(db, head.position):
            if (wrong := _wrong(deps, head, link, event)) is not None:
                return Verified(events, late, head, wrong, link.event_id)
            head = Place(link.position, link.link, link.sealed_at)
            if expected is not None and expected.position == link.position and expected.link != link.link:
                return Verified(events, late, head, "this place was another event's when it was noted", link.event_id)
            events += 1
            late += event is not None and link.sealed_at - event.at > LATE
    if expected is not None and expected.position > head.position:
        return Verified(events, late, head, f"the chain ends here, and reached {expected.position} when it was noted")
    return Verified(events, late, head, unproven=unproven)


def close(db: Session, deps: Deps, *, expected: Place | None = None) -> Place | None:
    """Vouch for the place up to which another master secret made the chain; None when there is no such place.

    What stands up to there was true when it was last verified, under that secret, and is proven by what was noted and
    exported then: `verify` begins after it. Nothing is deleted. To be called after `seal(everything=True)`.
    expected: a place that was noted then, which must still be there. Raises Unclosable.
    """
    store.alone(db, wait=True)
    anchor = store.anchor(db)
    head = store.place(anchor)
    last = None if anchor is None or hashes.genuine(anchor.mac, hashes.anchor_mac(deps.digests, head)) else head
    for link, event in store.walk(db, head.position):
        gone = _gone(head, link, event)
        if event is None or gone is not None:
            raise Unclosable(f"after place {head.position}: {gone}")
        if expected is not None and expected.position == link.position and expected.link != link.link:
            raise Unclosable(f"place {link.position} was another event's when it was noted")
        foreign = _foreign(deps, head, link, event) is not None
        head = Place(link.position, link.link, link.sealed_at)
        last = head if foreign else last
    if expected is not None and expected.position > head.position:
        raise Unclosable(f"it ends at {head.position}, and reached {expected.position} when it was noted")
    if last is not None:
        store.vouch(db, deps, last)
    return last


def cut(deps: Deps) -> int:
    """Delete the events that are older than they may be kept, from the chain's old end; returns how many.

    What the chain then begins with is vouched for by the anchor. An event that is missing is left for `verify` to tell.
    """
    before = deps.now() - timedelta(days=deps.settings.audit_retention_days)
    total, page = 0, PAGE
    while page == PAGE:
        with transaction() as db:
            store.alone(db, wait=True)
            old = store.outlived(db, before)
            page = len(old)
            if old:
                store.forget(db, deps, old)
                total += page
    return total


def overdue(db: Session, deps: Deps) -> int:
    """How many events are older than they may be kept."""
    return store.count(db, before=deps.now() - timedelta(days=deps.settings.audit_retention_days))


def _append(db: Session, deps: Deps, event_ids: Sequence[str]) -> int:
    """Put those of these events that are still loose at the end, in their order."""
    head, now, made = store.head(db), deps.now(), []
    for event in store.loose(db, event_ids):
        head = hashes.following(deps.digests, head, event.mac, sealed_at=now)
        made.append((event.id, head))
    if made:
        store.add(db, made)
        # The log leaves the host: it is what a chain that was made anew can be held against (`--expect`).
        log.info("audit sealed", extra={"events": len(made), "head": f"{head.position}:{head.link}"})
    return len(made)


def _wrong(deps: Deps, head: Place, link: AuditLink, event: AuditEvent | None) -> str | None:
    """What is wrong with the place after `head`; None when it is right."""
    gone = _gone(head, link, event)
    return gone if event is None or gone is not None else _foreign(deps, head, link, event)


def _gone(head: Place, link: AuditLink, event: AuditEvent | None) -> str | None:
    """What is missing between `head` and this place, or in it; None when all is there."""
    if link.position != head.position + 1:
        return f"the places {head.position + 1} to {link.position - 1} are gone"
    return "the event is gone" if event is None else None


def _foreign(deps: Deps, head: Place, link: AuditLink, event: AuditEvent) -> str | None:
    """Why this was not written, or not put here, under the present master secret; None when it was."""
    if not hashes.genuine(
        event.mac, hashes.event_mac(deps.digests, {name: getattr(event, name) for name in hashes.COLUMNS})
    ):
        return "the event was changed, or written by somebody else"
    if not hashes.genuine(link.link, hashes.following(deps.digests, head, event.mac, sealed_at=link.sealed_at).link):
        return "the event is not the one that was chained here"
    return None
