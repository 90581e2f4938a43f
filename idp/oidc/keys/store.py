"""Every SQL statement about signing keys, and their encryption at rest (AES-256-GCM under the master secret)."""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from idp.database import changed
from idp.deps import Deps
from idp.digests import Kind
from idp.oidc.keys.tables import SigningKey


@dataclass(frozen=True)
class StoredKey:
    """A key pair as stored. private_jwk: JSON text of the private key."""

    kid: str
    algorithm: str
    private_jwk: str = field(repr=False)
    created_at: datetime
    signs_from: datetime
    retired_at: datetime | None


def keys(db: Session, deps: Deps) -> list[StoredKey]:
    """All keys, oldest first."""
    rows = db.scalars(select(SigningKey).order_by(SigningKey.signs_from, SigningKey.kid))
    return [
        StoredKey(r.kid, r.algorithm, _opened(deps, r.kid, r.sealed_key), r.created_at, r.signs_from, r.retired_at)
        for r in rows
    ]


def add(db: Session, deps: Deps, key: StoredKey) -> None:
    db.execute(
        insert(SigningKey).values(
            kid=key.kid,
            algorithm=key.algorithm,
            sealed_key=_sealed(deps, key.kid, key.private_jwk),
            created_at=key.created_at,
            signs_from=key.signs_from,
            retired_at=key.retired_at,
        )
    )


def retire(db: Session, kid: str, *, at: datetime) -> bool:
    """From this instant the key is no longer published, and what it signed is no longer accepted."""
    return changed(db.execute(update(SigningKey).where(SigningKey.kid == kid).values(retired_at=at))) == 1


def _sealed(deps: Deps, kid: str, text: str) -> str:
    nonce = os.urandom(12)
    # The kid is authenticated with it, so that one row's key cannot be put in another's place.
    sealed = AESGCM(deps.digests.key(Kind.KEY_ENCRYPTION)).encrypt(nonce, text.encode(), kid.encode())
    return base64.b64encode(nonce + sealed).decode()


def _opened(deps: Deps, kid: str, sealed: str) -> str:
    raw = base64.b64decode(sealed)
    return AESGCM(deps.digests.key(Kind.KEY_ENCRYPTION)).decrypt(raw[:12], raw[12:], kid.encode()).decode()
