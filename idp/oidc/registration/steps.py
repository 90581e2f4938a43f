"""A client's software registers it, reads, changes and deletes what was registered (RFC 7591, RFC 7592).

The token that registers (initial access token) and the one that manages (registration access token) are stored as
digests. Documents elsewhere are read before the transaction begins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import orjson
from sqlalchemy.orm import Session

from idp.audit import store as audit
from idp.database import reading, transaction
from idp.deps import Deps
from idp.digests import Kind, same
from idp.errors import TooManyAttempts
from idp.grants import store as grants
from idp.oidc import fetch
from idp.oidc.consent import store as consents
from idp.oidc.fetch import FetchFailed
from idp.oidc.protocol import ProtocolError
from idp.oidc.registration import clients, secrets, statements, store, uris
from idp.oidc.registration import document as documents
from idp.oidc.registration.document import BLANK, MetadataRefused
from idp.oidc.registration.metadata import Client
from idp.oidc.registration.store import Owner
from idp.throttle import store as throttle
from idp.throttle.store import Limit

_PLATFORM = Owner("", None, None)


@dataclass(frozen=True)
class Registered:
    """What a client is told: itself, its secret when one was made just now, the token that manages it."""

    client: Client
    secret: str | None = field(repr=False)
    token: str = field(repr=False)


def register(deps: Deps, document: object, *, token: str | None, network: str) -> Registered:
    """A new client of somebody else. token: the initial access token, None when none was sent.

    Raises ProtocolError (invalid_token, access_denied, or of RFC 7591 3.2.2) and TooManyAttempts.
    """
    owner = _owner(deps, token, network)
    # The prefix keeps these ids apart from the `sub` of people (RFC 9700 4.15).
    base = replace(BLANK, id=f"app-{deps.new_token(128)}", customer_id=owner.customer_id, agency_id=owner.agency_id)
    manages = deps.new_token(256)
    asked = _read(document, replace(base, registration_token_digest=_digest(deps, manages)), deps)
    now = deps.now()
    client = replace(asked, created_at=now)
    with transaction() as db:
        if owner.token_id and not store.spend_token(db, owner.token_id, now=now):
            raise _unauthorized()
        store.create(db, client, now=now)
        secret = secrets.made(db, deps, client) if client.has_secret else None
        _record(db, deps, "registration.created", client, network, token=owner.token_id or None)
    return Registered(client, secret, manages)


def read(deps: Deps, client_id: str, token: str | None) -> Registered:
    """What is registered. Raises ProtocolError invalid_token."""
    return Registered(_managed(deps, client_id, token), None, token or "")


def change(deps: Deps, client_id: str, token: str | None, document: object, *, network: str) -> Registered:
    """Replace the whole registration; what is left out is back at its default (RFC 7592 2.2). Raises ProtocolError."""
    present = _managed(deps, client_id, token)
    try:
        documents.require_own(document if isinstance(document, Mapping) else {}, present)
        _require_secret(deps, present, document)
    except MetadataRefused as refused:
        raise ProtocolError(refused.error, str(refused)) from None
    kept = ("id", "customer_id", "agency_id", "created_at", "disabled_at", "registration_token_digest")
    client = _read(document, replace(BLANK, **{name: getattr(present, name) for name in kept}), deps)
    with transaction() as db:
        if not store.change(db, deps, client):
            raise _unauthorized()
        secret = secrets.renewed(db, deps, present, client)
        changed = [name for name in vars(client) if getattr(client, name) != getattr(present, name)]
        fields = [name for name in changed if name not in ("secret_digests", "sealed_secrets")]
        # People agreed to what they were shown; whoever calls itself something else asks them again.
        forgotten = consents.remove_of_client(db, client.id) if _face(present) != _face(client) else 0
        _record(db, deps, "registration.changed", client, network, fields=fields, consents=forgotten)
    return Registered(client, secret, token or "")


def delete(deps: Deps, client_id: str, token: str | None, *, network: str) -> None:
    """Delete the client, and revoke what people granted to it (RFC 7592 2.3). Raises ProtocolError."""
    client = _managed(deps, client_id, token)
    with transaction() as db:
        revoked = grants.revoke_of_client(db, client.id, now=deps.now())
        if not store.remove(db, deps, client.id):
            raise _unauthorized()
        _record(db, deps, "registration.deleted", client, network, grants=revoked)


def _face(client: Client) -> tuple[object, ...]:
    """What people are shown of a client when they are asked, and where they are sent."""
    pages = (client.client_uri, client.logo_uri, client.policy_uri, client.tos_uri)
    return (client.name, client.localized, pages, uris.hosts(client))


def _owner(deps: Deps, token: str | None, network: str) -> Owner:
    """Whom a new client would belong to. Raises ProtocolError when nobody may register it, TooManyAttempts."""
    mode = deps.settings.registration
    if mode == "off":
        raise ProtocolError("access_denied", "clients are registered by the operator", status=403)
    if token is not None:
        with reading() as db:
            owner = store.usable_token(db, deps.digests.digest(Kind.INITIAL_ACCESS_TOKEN, token), now=deps.now())
        if owner is None:
            raise _unauthorized()
        return owner
    if mode != "open":
        raise _unauthorized()
    often = deps.settings.registrations_per_network_per_hour
    limit = Limit(f"registration:{throttle.network_of(network)}", often, timedelta(hours=1), of_many=True)
    with transaction() as db:
        blocked_until = throttle.count(db, deps, limit)
    if blocked_until is not None:
        raise TooManyAttempts(blocked_until)
    return _PLATFORM


def _managed(deps: Deps, client_id: str, token: str | None) -> Client:
    """The client that a registration access token manages. The same answer for every other (RFC 7592 2.1)."""
    with reading() as db:
        client = store.find(db, client_id, now=deps.now()) if clients.possible(client_id) else None
    known = client.registration_token_digest if client is not None else None
    if token is None or not same(_digest(deps, token), known or "") or client is None or client.disabled_at:
        raise _unauthorized()
    return client


def _read(document: object, base: Client, deps: Deps) -> Client:
    """The client that a document asks for, the document of its sector looked at too. Raises ProtocolError."""
    try:
        vouched = statements.unpack(
            document,
            file=deps.settings.software_statement_keys_file,
            audience=deps.settings.issuer,
            now=deps.now().timestamp(),
        )
        client = documents.read(vouched, base, deps.settings)
        require_sector(deps, client)
    except MetadataRefused as refused:
        raise ProtocolError(refused.error, str(refused)) from None
    return client


def require_sector(deps: Deps, client: Client) -> None:
    """The document at `sector_identifier_uri` lists every redirect address (OIDC Registration 5). Raises MetadataRefused."""
    if client.sector_identifier_uri is None:
        return
    try:
        listed = orjson.loads(fetch.get(deps, client.sector_identifier_uri))
    except (FetchFailed, orjson.JSONDecodeError):
        # Not why: answers that differ would tell what there is in this network.
        raise MetadataRefused("invalid_client_metadata", "sector_identifier_uri: it cannot be read") from None
    if not isinstance(listed, list) or not all(uri in listed for uri in client.redirect_uris):
        raise MetadataRefused("invalid_client_metadata", "sector_identifier_uri: it does not list all redirect_uris")


def _require_secret(deps: Deps, client: Client, document: object) -> None:
    """A secret in an update must be the present one; a client does not choose its own (RFC 7592 2.2)."""
    given = document.get("client_secret") if isinstance(document, Mapping) else None
    if given is None:
        return
    digest = secrets.digest(deps, given) if isinstance(given, str) else ""
    if not any([same(digest, known) for known in client.secret_digests]):  # noqa: C419 - no early end
        raise MetadataRefused("invalid_client_metadata", "client_secret: it is not the present one")


def _digest(deps: Deps, token: str) -> str:
    return deps.digests.digest(Kind.REGISTRATION_TOKEN, token)


def _unauthorized() -> ProtocolError:
    return ProtocolError("invalid_token", "the token is missing, unknown, expired or used up", status=401)


def _record(db: Session, deps: Deps, name: str, client: Client, network: str, **details: Any) -> None:
    audit.record(db, deps, name, agency_id=client.agency_id, cause=client.id, network=network, **details)
