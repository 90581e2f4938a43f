"""Secrets of clients: made here, stored only as keyed digests, several alive while one is replaced.

Only where the secret is the key of an HMAC (`client_secret_jwt`, OIDC Core 9) is it kept itself, encrypted under the
master secret: a digest cannot check a signature.
"""

from __future__ import annotations

import base64
import os
from datetime import timedelta

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy.orm import Session

from idp.deps import Deps
from idp.digests import Kind
from idp.oidc.registration import store
from idp.oidc.registration.metadata import SECRET_AS_KEY, Client

SECRET_BITS = 256
OVERLAP_HOURS = 24
SHORTEST = 32  # of a secret that an operator brings: 32 characters can hold 128 bits even in hex
LONGEST = 200


def made(db: Session, deps: Deps, client: Client) -> str:
    """A new secret for a client, stored; the caller shows it once."""
    secret = deps.new_token(SECRET_BITS)
    put(db, deps, client, secret)
    return secret


def put(db: Session, deps: Deps, client: Client, secret: str) -> None:
    sealed = _sealed(deps, client.id, secret) if client.token_endpoint_auth_method == SECRET_AS_KEY else None
    store.add_secret(db, deps, secret_id=deps.new_id(), client_id=client.id, digest=digest(deps, secret), sealed=sealed)


def suits(before: Client, after: Client) -> bool:
    """Whether what a client has of secrets, or its lack of them, is right for the method that it changes to."""
    if before.token_endpoint_auth_method == after.token_endpoint_auth_method:
        return True
    usable = before.sealed_secrets if after.token_endpoint_auth_method == SECRET_AS_KEY else before.secret_digests
    return bool(usable) if after.has_secret else not before.secret_digests


def renewed(db: Session, deps: Deps, before: Client, after: Client) -> str | None:
    """After a change of method: ends secrets that are of no more use, and makes the one that is needed, if any."""
    if suits(before, after):
        return None
    replaced(db, deps, after.id, overlap_hours=0)
    return made(db, deps, after) if after.has_secret else None


def replaced(db: Session, deps: Deps, client_id: str, *, overlap_hours: int) -> None:
    """Let the present secrets live for the overlap only; to be followed by `made` or `put`."""
    store.expire_secrets(db, deps, client_id, at=deps.now() + timedelta(hours=overlap_hours))


def digest(deps: Deps, secret: str) -> str:
    return deps.digests.digest(Kind.CLIENT_SECRET, secret)


def opened(deps: Deps, client: Client) -> list[str]:
    """The live secrets of a client of `client_secret_jwt`, newest first."""
    return [secret for sealed in client.sealed_secrets if (secret := _opened(deps, client.id, sealed)) is not None]


def _sealed(deps: Deps, client_id: str, secret: str) -> str:
    nonce = os.urandom(12)
    # The client's id is authenticated with it, so that one client's secret cannot be put in another's place.
    sealed = AESGCM(deps.digests.key(Kind.CLIENT_SECRET_ENCRYPTION)).encrypt(nonce, secret.encode(), client_id.encode())
    return base64.b64encode(nonce + sealed).decode()


def _opened(deps: Deps, client_id: str, sealed: str) -> str | None:
    raw = base64.b64decode(sealed)
    cipher = AESGCM(deps.digests.key(Kind.CLIENT_SECRET_ENCRYPTION))
    try:
        return cipher.decrypt(raw[:12], raw[12:], client_id.encode()).decode()
    except InvalidTag:  # sealed under another master secret: as good as unknown
        return None
