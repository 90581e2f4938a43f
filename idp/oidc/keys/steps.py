"""Making, replacing and retiring keys: by hand, by age, and at once when one leaked.

A pair of RSA keys takes up to a second. No transaction waits for one: pairs are made before it, and thrown away when it
finds that somebody else was first.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from idp.audit import store as audit
from idp.database import reading, transaction
from idp.deps import Deps
from idp.oidc import jose
from idp.oidc.keys import flow, store
from idp.oidc.keys.flow import KeyPair, StoredKey


class StillSigning(Exception):
    """The key signs now: it is replaced, or retired at once."""


def make(algorithm: str) -> KeyPair:
    """A new key pair. `kid` is its RFC 7638 thumbprint. Never inside a transaction."""
    jwk = jose.generate(algorithm)
    return KeyPair(jwk.thumbprint(), algorithm, json.dumps(jwk.as_dict(private=True)))


def ensure(deps: Deps) -> None:
    """Make the first key of each algorithm where there is none. Safe in several processes at once."""
    with reading() as db:
        present = {key.algorithm for key in store.keys(db, deps) if key.retired_at is None}
    now = deps.now()
    made = [make(algorithm) for algorithm in flow.ALGORITHMS if algorithm not in present]
    if made:
        with transaction() as db:
            for pair in made:
                store.add(db, deps, pair.stored(now=now, signs_from=now))
            store.announce(db, deps)


def rotate(db: Session, deps: Deps, new: KeyPair, *, at_once: bool = False) -> StoredKey | None:
    """Replace the newest key of the algorithm: publish this one, which signs after the publication delay.

    The old one stays published until what it signs meanwhile is dead. at_once: as soon as every process knows the new
    one. None when somebody else replaced it meanwhile.
    """
    return _replace(db, deps, flow.newest(store.keys(db, deps), new.algorithm), new, at_once=at_once)


def _replace(
    db: Session, deps: Deps, old: StoredKey | None, pair: KeyPair, *, at_once: bool = False
) -> StoredKey | None:
    """This pair instead of this very key; None when that was replaced meanwhile."""
    now = deps.now()
    # A portal may encrypt to a key as soon as it sees it, so there is nothing to wait for.
    wait = not at_once and pair.algorithm in jose.SIGNATURES
    delay = timedelta(hours=deps.settings.key_publication_hours) if wait else timedelta(0)
    new = pair.stored(now=now, signs_from=flow.turn(now=now, delay=delay))
    if old is not None and not store.replace(db, old.kid, retired_at=new.signs_from + _retention(deps)):
        return None
    store.announce(db, deps)
    return new if store.add(db, deps, new) else None


def rotate_due(deps: Deps) -> list[StoredKey]:
    """Replace the keys that are as old as the setting `key_rotation_days` says; every process may ask, one does it."""
    with reading() as db:
        due = _due(db, deps)
    if not due:
        return []
    pairs = {old.kid: make(old.algorithm) for old in due}
    made = []
    with transaction() as db:
        # Looked at again: what was due a moment ago may be replaced by now, and its successor is not to be.
        for old in (key for key in _due(db, deps) if key.kid in pairs):
            new = _replace(db, deps, old, pairs[old.kid])
            if new is not None:
                audit.record(db, deps, "keys.rotated", kid=new.kid, algorithm=new.algorithm)
                made.append(new)
    return made


def retire(db: Session, deps: Deps, kid: str) -> datetime | None:
    """End a key that was replaced, once what it signed has lived out its time; returns when, None when no such key lives.

    Raises StillSigning.
    """
    now = deps.now()
    keys = store.keys(db, deps)
    key = _alive(keys, kid, now)
    if key is None:
        return None
    if key.retired_at is None or key == flow.current(keys, key.algorithm, now=now):
        raise StillSigning(kid)
    ends = now + _longest_life(deps)
    store.retire(db, kid, at=ends)
    store.announce(db, deps)
    return min(ends, key.retired_at)


def spare_for(deps: Deps, kid: str) -> KeyPair | None:
    """What `retire_at_once` puts in the place of this key; None where another key waits for it already."""
    with reading() as db:
        key = _alive(store.keys(db, deps), kid, deps.now())
    # A key that has an end never loses it, so what needs nothing now will need nothing in the transaction.
    return make(key.algorithm) if key is not None and key.retired_at is None else None


def retire_at_once(db: Session, deps: Deps, kid: str, spare: KeyPair | None) -> datetime | None:
    """End a key that leaked; returns when, None when no such key lives. spare: of `spare_for`.

    All processes stop using and accepting it at the same instant, when each of them knows the key that takes its place.
    """
    now = deps.now()
    keys = store.keys(db, deps)
    key = _alive(keys, kid, now)
    if key is None:
        return None
    ends = flow.turn(now=now, delay=timedelta(0))
    store.announce(db, deps)
    if key.retired_at is None and spare is not None:
        rotate(db, deps, spare, at_once=True)
    elif key == flow.current(keys, key.algorithm, now=now) and (waiting := flow.newest(keys, key.algorithm)):
        store.bring_forward(db, waiting.kid, signs_from=ends)
    store.retire(db, kid, at=ends)
    return ends


def renew(db: Session, deps: Deps) -> int:
    """Forget the keys of another master secret; returns how many. `ensure` makes others, which sign at once.

    What they signed is refused from then on, and portals read the set again when they meet an unknown `kid`.
    """
    lost = store.forget_sealed(db, deps)
    store.announce(db, deps)
    return lost


def _alive(keys: list[StoredKey], kid: str, now: datetime) -> StoredKey | None:
    return next((key for key in keys if key.kid == kid and key.alive(now)), None)


def _due(db: Session, deps: Deps) -> list[StoredKey]:
    age = timedelta(days=deps.settings.key_rotation_days)
    newest = [key for key in store.keys(db, deps) if key.retired_at is None]
    return [key for key in newest if flow.due(key, now=deps.now(), age=age)]


def _retention(deps: Deps) -> timedelta:
    """How long a key stays published after its last signature: no token it signed may outlive it."""
    return max(timedelta(days=deps.settings.key_retention_days), _longest_life(deps))


def _longest_life(deps: Deps) -> timedelta:
    settings = deps.settings
    return timedelta(minutes=max(settings.access_token_validity_minutes, settings.id_token_validity_minutes))
