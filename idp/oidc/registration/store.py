"""Every SQL statement about portals, and the short-lived cache that keeps them out of each token request."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.orm import Session

from idp.database import changed
from idp.oidc.registration import rules
from idp.oidc.registration.tables import Client, ClientSecret

# A change made by another process is seen after this long at most; a change made here, at once.
CACHE_SECONDS = 2.0


def find(db: Session, client_id: str, *, now: datetime) -> rules.Client | None:
    """A portal with the digests of its live secrets, disabled ones too."""
    row = db.scalars(select(Client).where(Client.id == client_id)).one_or_none()
    if row is None:
        return None
    alive = or_(ClientSecret.expires_at.is_(None), ClientSecret.expires_at > now)
    digests = db.scalars(
        select(ClientSecret.digest)
        .where(ClientSecret.client_id == client_id, alive)
        .order_by(ClientSecret.created_at.desc())
    ).all()
    return _record(row, tuple(digests))


def all_clients(db: Session) -> list[rules.Client]:
    return [_record(row, ()) for row in db.scalars(select(Client).order_by(Client.id))]


def default_portal(db: Session, agency_id: str) -> rules.Client | None:
    """The portal that a sign-in at this agency goes on to, when nothing else was asked for."""
    row = db.scalars(
        select(Client).where(Client.agency_id == agency_id, Client.default_portal, Client.disabled_at.is_(None))
    ).one_or_none()
    return None if row is None else _record(row, ())


def create(db: Session, client: rules.Client, *, now: datetime) -> None:
    """Raises sqlalchemy IntegrityError when the id, or the agency's default portal, is taken."""
    db.execute(insert(Client).values(id=client.id, created_at=now, **_columns(client)))


def change(db: Session, client: rules.Client) -> bool:
    """Store a changed portal; False when there is no such one."""
    won = changed(db.execute(update(Client).where(Client.id == client.id).values(**_columns(client)))) == 1
    cache.drop(client.id)
    return won


def remove(db: Session, client_id: str) -> bool:
    won = changed(db.execute(delete(Client).where(Client.id == client_id))) == 1
    cache.drop(client_id)
    return won


def add_secret(db: Session, *, secret_id: str, client_id: str, digest: str, now: datetime) -> None:
    db.execute(
        insert(ClientSecret).values(id=secret_id, client_id=client_id, digest=digest, created_at=now, expires_at=None)
    )
    cache.drop(client_id)


def expire_secrets(db: Session, client_id: str, *, at: datetime) -> None:
    """Let the present secrets of a portal die at an instant, while a new one is put in place."""
    db.execute(
        update(ClientSecret)
        .where(
            ClientSecret.client_id == client_id, or_(ClientSecret.expires_at.is_(None), ClientSecret.expires_at > at)
        )
        .values(expires_at=at)
    )
    cache.drop(client_id)


class Cache:
    """Portals by id, for CACHE_SECONDS; unknown ids are not kept, so they cannot fill the memory."""

    def __init__(self) -> None:
        self._entries: dict[str, tuple[float, rules.Client]] = {}
        self._lock = threading.Lock()

    def get(self, client_id: str) -> rules.Client | None:
        entry = self._entries.get(client_id)
        return entry[1] if entry is not None and time.monotonic() - entry[0] < CACHE_SECONDS else None

    def put(self, client: rules.Client) -> None:
        with self._lock:
            self._entries[client.id] = (time.monotonic(), client)

    def drop(self, client_id: str) -> None:
        with self._lock:
            self._entries.pop(client_id, None)


cache = Cache()


def _columns(client: rules.Client) -> Mapping[str, Any]:
    return {
        "name": client.name,
        "customer_id": client.customer_id,
        "agency_id": client.agency_id,
        "default_portal": client.default_portal,
        "application_type": client.application_type,
        "token_endpoint_auth_method": client.token_endpoint_auth_method,
        "grant_types": list(client.grant_types),
        "redirect_uris": list(client.redirect_uris),
        "post_logout_redirect_uris": list(client.post_logout_redirect_uris),
        "scope": client.scope,
        "require_pkce": client.require_pkce,
        "id_token_signed_response_alg": client.id_token_signed_response_alg,
        "initiate_login_uri": client.initiate_login_uri,
        "disabled_at": client.disabled_at,
    }


def _record(row: Client, digests: tuple[str, ...]) -> rules.Client:
    return rules.Client(
        id=row.id,
        name=row.name,
        customer_id=row.customer_id,
        agency_id=row.agency_id,
        default_portal=row.default_portal,
        application_type=row.application_type,
        token_endpoint_auth_method=row.token_endpoint_auth_method,
        grant_types=tuple(row.grant_types),
        redirect_uris=tuple(row.redirect_uris),
        post_logout_redirect_uris=tuple(row.post_logout_redirect_uris),
        scope=row.scope,
        require_pkce=row.require_pkce,
        id_token_signed_response_alg=row.id_token_signed_response_alg,
        initiate_login_uri=row.initiate_login_uri,
        disabled_at=row.disabled_at,
        secret_digests=digests,
    )
