"""Secrets of portals: made here, stored only as keyed digests, several alive while one is replaced."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from idp.deps import Deps
from idp.digests import Kind
from idp.oidc.registration import store

SECRET_BITS = 256
OVERLAP_HOURS = 24
SHORTEST = 32  # of a secret that an operator brings: 32 characters can hold 128 bits even in hex


def made(db: Session, deps: Deps, client_id: str) -> str:
    """A new secret for a portal, stored; the caller shows it once."""
    secret = deps.new_token(SECRET_BITS)
    put(db, deps, client_id, secret)
    return secret


def put(db: Session, deps: Deps, client_id: str, secret: str) -> None:
    store.add_secret(db, secret_id=deps.new_id(), client_id=client_id, digest=digest(deps, secret), now=deps.now())


def replaced(db: Session, deps: Deps, client_id: str, *, overlap_hours: int) -> None:
    """Let the present secrets live for the overlap only; to be followed by `made` or `put`."""
    store.expire_secrets(db, client_id, at=deps.now() + timedelta(hours=overlap_hours))


def digest(deps: Deps, secret: str) -> str:
    return deps.digests.digest(Kind.CLIENT_SECRET, secret)
