"""Signing in: known and unknown identifiers get the same words after the same work."""

from __future__ import annotations

from dataclasses import dataclass, field

from idp import metrics
from idp.accounts import addresses
from idp.accounts import store as accounts
from idp.accounts.memberships import store as memberships
from idp.audit import store as audit
from idp.deps import Deps
from idp.errors import NothingOpen, WrongCredentials
from idp.login import flow
from idp.passwords.queue import Asker
from idp.sessions import store as sessions
from idp.statements import writing
from idp.throttle import store as throttle
from idp.throttle.devices import Device


@dataclass(frozen=True)
class SignedIn:
    """The person is signed in, with a fresh secret; the pending request, or the agency's portal, comes next.

    proven: canonical key of the address that the person has, for the next attempts at this browser.
    """

    session: sessions.SignedIn
    session_token: str = field(repr=False)
    agency_id: str | None
    proven: str


@dataclass(frozen=True)
class GoesOn:
    """The person says that the sign-in of this browser is theirs, and goes on with it."""

    session_token: str = field(repr=False)
    agency_id: str | None
    authorization_id: str | None


@dataclass(frozen=True)
class NotMe:
    """The person says that the sign-in of this browser is somebody else's: it ends, and theirs begins."""

    signed_in: sessions.SignedIn
    agency_id: str | None
    authorization_id: str | None


@metrics.sign_in
def sign_in(
    deps: Deps,
    *,
    identifier: str,
    password: str,
    browser_digest: str,
    network: str,
    agency_id: str | None,
    device: Device | None = None,
) -> SignedIn:
    """Identifier and password of a strong account, whichever agency's page they are typed on.

    Raises IdentifierMissing, PasswordMissing, TooManyAttempts, WrongCredentials, NothingOpen, Overloaded.
    """
    flow.require_complete(identifier, password)
    key = addresses.key(identifier)
    known = device is not None and device.knows(deps, key)
    deps.hasher.require_room(Asker(throttle.network_of(network), proven=known))
    with writing() as db:
        account = accounts.account_by_email(db, key)
        counted = throttle.guess(db, deps, key, device=device, network_address=network, agency_id=agency_id)
    with throttle.evaluating(deps, *counted.limits):
        right = deps.hasher.verify(password, account.password_hash if account else None, counted.by)
    if account is None or not right or not account.active:
        with writing() as db:
            audit.record(
                db,
                deps,
                "login.refused",
                subject=account.id if account else None,
                agency_id=agency_id,
                network=network,
                address=key,
            )
        raise WrongCredentials()
    rehashed = deps.hasher.hash(password, counted.by) if deps.hasher.needs_rehash(account.password_hash) else None
    token = deps.new_token(256)
    with writing() as db:
        if not memberships.is_placed(db, account.id):
            raise NothingOpen(agency_id=agency_id)
        session = sessions.start(
            db, deps, account_id=account.id, email=account.email, browser_digest=browser_digest, token=token
        )
        if rehashed is not None:
            accounts.set_password(db, account.id, rehashed, now=None)
        audit.record(
            db, deps, "login.succeeded", subject=account.id, agency_id=agency_id, cause=session.sid, network=network
        )
        throttle.right(db, deps, counted)
    return SignedIn(session, token, agency_id, proven=account.email_key)
