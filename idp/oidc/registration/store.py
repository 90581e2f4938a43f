"""Every SQL statement about portals, and the short-lived cache that keeps them out of each token request."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, insert, or_, select, update
from sqlalchemy.orm import Session

from idp.database import changed
from idp.deps import Deps
from idp.oidc.registration import metadata
from idp.oidc.registration.tables import Client, ClientSecret, InitialAccessToken
from idp.shared import after_commit

log = logging.getLogger(__name__)

# A change made by another process is seen after this long at most; a change made here, at once, and one of a process
# that shares a Valkey or Redis with this one, too.
CACHE_SECONDS = 2.0
CHANGE = "client"  # how a change is announced, before the client's id


def find(db: Session, client_id: str, *, now: datetime) -> metadata.Client | None:
    """A portal with the digests of its live secrets, disabled ones too; None also for one that cannot be read."""
    row = db.scalars(select(Client).where(Client.id == client_id)).one_or_none()
    return None if row is None else _record(row, _live_secrets(db, client_id, now=now))


def _live_secrets(db: Session, client_id: str, *, now: datetime) -> Sequence[ClientSecret]:
    alive = or_(ClientSecret.expires_at.is_(None), ClientSecret.expires_at > now)
    return db.scalars(
        select(ClientSecret).where(ClientSecret.client_id == client_id, alive).order_by(ClientSecret.created_at.desc())
    ).all()


def all_clients(db: Session) -> list[metadata.Client]:
    """Without those that cannot be read, of which the log tells."""
    return everything(db)[0]


def everything(db: Session) -> tuple[list[metadata.Client], list[str]]:
    """All portals, and the ids of those that cannot be read."""
    found = [(row.id, _record(row, ())) for row in db.scalars(select(Client).order_by(Client.id))]
    return [client for _, client in found if client is not None], [id_ for id_, client in found if client is None]


@dataclass(frozen=True)
class Remains:
    """What stands besides the document of a portal, and so is still there when that is damaged. Fields as Client."""

    id: str
    agency_id: str | None
    customer_id: str | None
    disabled_at: datetime | None
    dynamic: bool
    secret_digests: tuple[str, ...] = field(repr=False)
    sealed_secrets: tuple[str, ...] = field(repr=False)


def remains(db: Session, client_id: str, *, now: datetime) -> Remains | None:
    """What is left of a portal that cannot be read; None for one that can, and for one that there is not."""
    row = db.scalars(select(Client).where(Client.id == client_id)).one_or_none()
    if row is None or _record(row, ()) is not None:
        return None
    secrets = _live_secrets(db, client_id, now=now)
    return Remains(
        id=row.id,
        agency_id=row.agency_id,
        customer_id=row.customer_id,
        disabled_at=row.disabled_at,
        dynamic=row.registration_token_digest is not None,
        **_kept(secrets),
    )


def default_portal(db: Session, agency_id: str) -> metadata.Client | None:
    """The portal that a sign-in at this agency goes on to, when nothing else was asked for."""
    return default_portals(db, [agency_id]).get(agency_id)


def default_portals(db: Session, agency_ids: Collection[str]) -> dict[str, metadata.Client]:
    """The same for several agencies, by agency, in one statement; without those that have none."""
    rows = db.scalars(
        select(Client).where(Client.agency_id.in_(agency_ids), Client.default_portal, Client.disabled_at.is_(None))
    )
    found = {row.agency_id: _record(row, ()) for row in rows if row.agency_id is not None}
    return {agency_id: client for agency_id, client in found.items() if client is not None}


def create(db: Session, client: metadata.Client, *, now: datetime) -> None:
    """Raises sqlalchemy IntegrityError when the id, or the agency's default portal, is taken."""
    db.execute(
        insert(Client).values(
            id=client.id,
            created_at=now,
            registration_token_digest=client.registration_token_digest,
            **_columns(client),
        )
    )


def change(db: Session, deps: Deps, client: metadata.Client) -> bool:
    """Store a changed portal; False when there is no such one."""
    won = changed(db.execute(update(Client).where(Client.id == client.id).values(**_columns(client)))) == 1
    if client.token_endpoint_auth_method != metadata.SECRET_AS_KEY:
        of_client = update(ClientSecret).where(ClientSecret.client_id == client.id, ClientSecret.sealed.is_not(None))
        db.execute(of_client.values(sealed=None))  # from now on its digest is enough
    _forget(db, deps, client.id)
    return won


def remove(db: Session, deps: Deps, client_id: str) -> bool:
    won = changed(db.execute(delete(Client).where(Client.id == client_id))) == 1
    _forget(db, deps, client_id)
    return won


def add_secret(db: Session, deps: Deps, *, secret_id: str, client_id: str, digest: str, sealed: str | None) -> None:
    """sealed: the secret itself, encrypted; None where its digest is enough."""
    db.execute(
        insert(ClientSecret).values(
            id=secret_id, client_id=client_id, digest=digest, sealed=sealed, created_at=deps.now(), expires_at=None
        )
    )
    _forget(db, deps, client_id)


def expire_secrets(db: Session, deps: Deps, client_id: str, *, at: datetime) -> None:
    """Let the present secrets of a portal die at an instant, while a new one is put in place."""
    db.execute(
        update(ClientSecret)
        .where(
            ClientSecret.client_id == client_id, or_(ClientSecret.expires_at.is_(None), ClientSecret.expires_at > at)
        )
        .values(expires_at=at)
    )
    _forget(db, deps, client_id)


def _forget(db: Session, deps: Deps, client_id: str) -> None:
    """No worker that hears of it answers by what it knew of this portal, from the commit on."""

    def forget() -> None:
        cache.drop(client_id)
        if deps.shared is not None:
            deps.shared.tell(f"{CHANGE} {client_id}")

    after_commit(db, forget)


@dataclass(frozen=True)
class Owner:
    """Whom the clients of an initial access token belong to; neither: the platform."""

    token_id: str
    customer_id: str | None
    agency_id: str | None


def usable_token(db: Session, digest: str, *, now: datetime) -> Owner | None:
    """Whom an initial access token that still works registers clients for."""
    token = InitialAccessToken
    columns = select(token.id, token.customer_id, token.agency_id)
    row = db.execute(columns.where(token.digest == digest, *_usable(now))).one_or_none()
    return None if row is None else Owner(*row)


def spend_token(db: Session, token_id: str, *, now: datetime) -> bool:
    """Use an initial access token once; of more at once than it has uses left, only so many win."""
    table = InitialAccessToken
    statement = update(table).where(table.id == token_id, *_usable(now)).values(uses_left=table.uses_left - 1)
    return changed(db.execute(statement)) == 1


def add_token(db: Session, **values: Any) -> None:
    """A new initial access token: the columns of its table."""
    db.execute(insert(InitialAccessToken).values(**values))


def tokens(db: Session) -> Sequence[InitialAccessToken]:
    """All initial access tokens, newest first."""
    return db.scalars(select(InitialAccessToken).order_by(InitialAccessToken.created_at.desc())).all()


def revoke_token(db: Session, token_id: str, *, now: datetime) -> bool:
    """False when there is no such one that works."""
    table = InitialAccessToken
    return changed(db.execute(update(table).where(table.id == token_id, *_usable(now)).values(revoked_at=now))) == 1


def _usable(now: datetime) -> tuple[ColumnElement[bool], ...]:
    table = InitialAccessToken
    return table.uses_left > 0, table.expires_at > now, table.revoked_at.is_(None)


class Cache:
    """Portals by id, for CACHE_SECONDS; unknown ids are not kept, so they cannot fill the memory.

    drops: how often something was forgotten. Who reads a portal takes it before, and what was read then is not kept
    when it was forgotten meanwhile.
    """

    def __init__(self) -> None:
        self.drops = 0
        self._entries: dict[str, tuple[float, metadata.Client]] = {}
        self._lock = threading.Lock()

    def get(self, client_id: str) -> metadata.Client | None:
        entry = self._entries.get(client_id)
        return entry[1] if entry is not None and time.monotonic() - entry[0] < CACHE_SECONDS else None

    def put(self, client: metadata.Client, *, drops: int) -> None:
        with self._lock:
            if drops == self.drops:
                self._entries[client.id] = (time.monotonic(), client)

    def drop(self, client_id: str) -> None:
        with self._lock:
            self.drops += 1
            self._entries.pop(client_id, None)

    def clear(self) -> None:
        with self._lock:
            self.drops += 1
            self._entries.clear()


cache = Cache()


# What the database compares or counts has a column; the rest of a registration is one document.
_COLUMNS = frozenset({"id", "name", "customer_id", "agency_id", "default_portal", "disabled_at", "created_at"})
_ELSEWHERE = frozenset({"secret_digests", "sealed_secrets", "registration_token_digest"})
_DOCUMENT = tuple(f.name for f in fields(metadata.Client) if f.name not in _COLUMNS | _ELSEWHERE)


def _columns(client: metadata.Client) -> Mapping[str, Any]:
    named = {name: getattr(client, name) for name in _COLUMNS - {"id", "created_at"}}
    return {**named, "registered": {name: getattr(client, name) for name in _DOCUMENT}}


def _record(row: Client, secrets: Sequence[ClientSecret]) -> metadata.Client | None:
    """The portal of a row; None when its document is damaged: that stops this portal, and no list and no other one."""
    try:
        return _read(row, secrets)
    except (TypeError, AttributeError):
        log.warning("client cannot be read", extra={"client": row.id})
        return None


def _read(row: Client, secrets: Sequence[ClientSecret]) -> metadata.Client:
    # Only names known here: a newer version beside this one may have stored more.
    document = {name: row.registered[name] for name in _DOCUMENT if name in row.registered}
    document = {name: tuple(value) if isinstance(value, list) else value for name, value in document.items()}
    return metadata.Client(
        **{name: getattr(row, name) for name in _COLUMNS},
        **document,
        **_kept(secrets),
        registration_token_digest=row.registration_token_digest,
    )


def _kept(secrets: Sequence[ClientSecret]) -> dict[str, Any]:
    return {
        "secret_digests": tuple(secret.digest for secret in secrets),
        "sealed_secrets": tuple(secret.sealed for secret in secrets if secret.sealed is not None),
    }
