"""Making, replacing and retiring keys: by hand, by age, and at once when one leaked."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from idp.audit import store as audit
from idp.database import reading, transaction
from idp.deps import Deps
from idp.oidc import jose
from idp.oidc.keys import flow, store
from idp.oidc.keys.flow import StoredKey


class StillSigning(Exception):
    """The key signs now: it is replaced, or retired at once."""


def make(algorithm: str, *, now: datetime, signs_from: datetime) -> StoredKey:
    """A new key pair. `kid` is its RFC 7638 thumbprint."""
    jwk = jose.generate(algorithm)
    return StoredKey(jwk.thumbprint(), algorithm, json.dumps(jwk.as_dict(private=True)), now, signs_from, None)


def ensure(deps: Deps) -> None:
    """Make the first key of each algorithm where there is none. Safe in several processes at once."""
    with reading() as db:
        present = {key.algorithm for key in store.keys(db, deps) if key.retired_at is None}
    now = deps.now()
    made = [make(algorithm, now=now, signs_from=now) for algorithm in flow.ALGORITHMS if algorithm not in present]
    if made:
        with transaction() as db:
            for key in made:
                store.add(db, deps, key)
            store.announce(db, deps)


def rotate(db: Session, deps: Deps, algorithm: str, *, at_once: bool = False) -> StoredKey | None:
    """Replace the newest key of an algorithm: publish another one, which signs after the publication delay.

    The old one stays published until what it signs meanwhile is dead. at_once: as soon as every process knows the new
    one. None when somebody else replaced it meanwhile.
    """
    return _replace(db, deps, algorithm, flow.newest(store.keys(db, deps), algorithm), at_once=at_once)


def _replace(
    db: Session, deps: Deps, algorithm: str, old: StoredKey | None, *, at_once: bool = False
) -> StoredKey | None:
    """A new key instead of this very one; None when that was replaced meanwhile."""
    now = deps.now()
    # A portal may encrypt to a key as soon as it sees it, so there is nothing to wait for.
    wait = not at_once and algorithm in jose.SIGNATURES
    delay = timedelta(hours=deps.settings.key_publication_hours) if wait else timedelta(0)
    new = make(algorithm, now=now, signs_from=flow.turn(now=now, delay=delay))
    if old is not None and not store.replace(db, old.kid, retired_at=new.signs_from + _retention(deps)):
        return None
    store.announce(db, deps)
    return new if store.add(db, deps, new) else None


def rotate_due(deps: Deps) -> list[StoredKey]:
    """Replace the keys that are as old as the setting `key_rotation_days` says; every process may ask, one does it."""
    with reading() as db:
        if not _due(db, deps):
            return []
    made = []
    with transaction() as db:
        # Looked at again: what was due a moment ago may be replaced by now, and its successor is not to be.
        for old in _due(db, deps):
            new = _replace(db, deps, old.algorithm, old)
            if new is not None:
                audit.record(db, deps, "keys.rotated", kid=new.kid, algorithm=new.algorithm)
                made.append(new)
    return made


def retire(db: Session, deps: Deps, kid: str, *, at_once: bool) -> datetime | None:
    """End a key; returns when, None when there is no such key alive.

    Without at_once what it signed lives out its time, and the key that signs now cannot be ended (StillSigning).
    at_once: for a leaked key. All processes stop using and accepting it at the same instant, when each of them knows
    the key that takes its place; that one is made when none waits.
    """
    now = deps.now()
    keys = store.keys(db, deps)
    key = next((k for k in keys if k.kid == kid and k.alive(now)), None)
    if key is None:
        return None
    signs = key == flow.current(keys, key.algorithm, now=now)
    if not at_once:
        if signs or key.retired_at is None:
            raise StillSigning(kid)
        ends = now + _longest_life(deps)
        store.retire(db, kid, at=ends)
        store.announce(db, deps)
        return min(ends, key.retired_at)
    ends = flow.turn(now=now, delay=timedelta(0))
    store.announce(db, deps)
    if key.retired_at is None:
        rotate(db, deps, key.algorithm, at_once=True)
    elif signs and (waiting := flow.newest(keys, key.algorithm)) is not None:
        store.bring_forward(db, waiting.kid, signs_from=ends)
    store.retire(db, kid, at=ends)
    return ends


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
