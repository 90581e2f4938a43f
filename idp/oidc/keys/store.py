"""Every SQL statement about keys, and their encryption at rest (AES-256-GCM under the master secret)."""

from __future__ import annotations

import base64
import os
from datetime import datetime

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from idp.database import changed, upsert
from idp.deps import Deps
from idp.digests import Kind
from idp.oidc.keys.flow import StoredKey
from idp.oidc.keys.tables import SigningKey
from idp.shared import after_commit

CHANGE = "keys"  # how a change is announced


class KeyUnreadable(LookupError):
    """A stored key cannot be opened. Another one is never made in its place: portals know this one."""

    def __init__(self, kid: str) -> None:
        super().__init__(
            f"key {kid} cannot be opened: damaged, or the master secret is not the one it was made with: "
            "put that one back, or run `idp keys renew` if it is gone or leaked"
        )


def keys(db: Session, deps: Deps) -> list[StoredKey]:
    """All keys, oldest first. Raises KeyUnreadable."""
    rows = db.scalars(select(SigningKey).order_by(SigningKey.created_at, SigningKey.kid))
    return [
        StoredKey(r.kid, r.algorithm, _opened(deps, r.kid, r.sealed_key), r.created_at, r.signs_from, r.retired_at)
        for r in rows
    ]


def newest(db: Session, *, now: datetime) -> dict[str, datetime]:
    """When the key was made that works now, by algorithm."""
    works = (SigningKey.signs_from <= now) & (SigningKey.retired_at.is_(None) | (SigningKey.retired_at > now))
    statement = select(SigningKey.algorithm, func.max(SigningKey.created_at)).where(works)
    return {row[0]: row[1] for row in db.execute(statement.group_by(SigningKey.algorithm))}


def add(db: Session, deps: Deps, key: StoredKey) -> bool:
    """Store the newest key of an algorithm; False when there is another without an end."""
    statement = (
        upsert(db, SigningKey.__table__)  # type: ignore[arg-type]
        .values(
            kid=key.kid,
            algorithm=key.algorithm,
            sealed_key=_sealed(deps, key.kid, key.private_jwk),
            created_at=key.created_at,
            signs_from=key.signs_from,
            retired_at=key.retired_at,
        )
        .on_conflict_do_nothing()
        .returning(SigningKey.__table__.c.kid)
    )
    return db.execute(statement).first() is not None


def replace(db: Session, kid: str, *, retired_at: datetime) -> bool:
    """Give the newest key of an algorithm an end; exactly one caller ever succeeds."""
    statement = update(SigningKey).where(SigningKey.kid == kid, SigningKey.retired_at.is_(None))
    return changed(db.execute(statement.values(retired_at=retired_at))) == 1


def retire(db: Session, kid: str, *, at: datetime) -> bool:
    """From this instant the key is no longer published, and what it signed is no longer accepted; never later than
    it was to be."""
    sooner = (SigningKey.retired_at.is_(None)) | (SigningKey.retired_at > at)
    return changed(db.execute(update(SigningKey).where(SigningKey.kid == kid, sooner).values(retired_at=at))) == 1


def forget_sealed(db: Session, deps: Deps) -> int:
    """Delete the keys that cannot be opened; returns how many. They are of no use to anybody who lacks their secret."""
    lost = []
    for row in db.scalars(select(SigningKey)):
        try:
            _opened(deps, row.kid, row.sealed_key)
        except KeyUnreadable:
            lost.append(row.kid)
    db.execute(delete(SigningKey).where(SigningKey.kid.in_(lost)))
    return len(lost)


def bring_forward(db: Session, kid: str, *, signs_from: datetime) -> None:
    """Let a waiting key sign sooner."""
    waits = SigningKey.signs_from > signs_from
    db.execute(update(SigningKey).where(SigningKey.kid == kid, waits).values(signs_from=signs_from))


def announce(db: Session, deps: Deps) -> None:
    """Once this transaction is committed, every worker that hears of it reads the keys before it uses one."""
    if (shared := deps.shared) is not None:
        after_commit(db, lambda: shared.tell(CHANGE))


def _sealed(deps: Deps, kid: str, text: str) -> str:
    nonce = os.urandom(12)
    # The kid is authenticated with it, so that one row's key cannot be put in another's place.
    sealed = AESGCM(deps.digests.key(Kind.KEY_ENCRYPTION)).encrypt(nonce, text.encode(), kid.encode())
    return base64.b64encode(nonce + sealed).decode()


def _opened(deps: Deps, kid: str, sealed: str) -> str:
    try:
        raw = base64.b64decode(sealed)
        return AESGCM(deps.digests.key(Kind.KEY_ENCRYPTION)).decrypt(raw[:12], raw[12:], kid.encode()).decode()
    except (InvalidTag, ValueError):
        raise KeyUnreadable(kid) from None
