"""Telling portals that a sign-in ended (OpenID Connect Back-Channel Logout 1.0).

    a sign-in ends, for whatever reason --announce--> a notice for each portal --deliver--> told, or dead after a day

Nobody who ends a sign-in needs to know of this: the rows that ended and were not announced are the queue. Runs in the
background of `idp serve`; any number of workers share the work.
"""

from __future__ import annotations

import logging
import random
from datetime import timedelta
from typing import Any

import orjson

from idp.database import reading, transaction
from idp.deps import Deps
from idp.grants import store as grants
from idp.oidc import fetch
from idp.oidc.fetch import FetchFailed
from idp.oidc.keys.keyring import Keyring
from idp.oidc.logout import store
from idp.oidc.logout.store import Notice
from idp.oidc.registration import clients
from idp.oidc.registration import store as registration
from idp.oidc.registration.metadata import Client
from idp.oidc.subjects import subject
from idp.sessions import store as sessions

log = logging.getLogger(__name__)

BATCH = 20
_DELAYS = tuple(timedelta(seconds=s) for s in (10, 30, 60, 300, 900, 3600, 10800))
GIVE_UP_AFTER = timedelta(days=1)
TOKEN_LIFE = timedelta(minutes=2)  # section 2.4
EVENT = "http://schemas.openid.net/event/backchannel-logout"


def work(deps: Deps, keyring: Keyring) -> None:
    """Announce and deliver what there is. Never raises for a portal's failure."""
    while announce(deps) or deliver_due(deps, keyring) == BATCH:
        pass


def announce(deps: Deps) -> int:
    """Turn sign-ins that ended into notices, one batch, and end what they gave; returns how many, 0 when none is left."""
    with reading() as db:
        if not sessions.some_unannounced(db):
            return 0
    now = deps.now()
    with transaction() as db:
        ended = {one.sid: one for one in sessions.announce(db, now=now, limit=BATCH)}
        for sid in ended:
            grants.revoke_of_sign_in(db, sid, now=now)  # section 2.7
        for sid, client_id in grants.clients_of(db, list(ended)):
            client = registration.find(db, client_id, now=now)
            if client is not None and client.backchannel_logout_uri is not None:
                store.enqueue(db, deps, client_id=client_id, account_id=ended[sid].account_id, sid=sid)
    return len(ended)


def deliver_due(deps: Deps, keyring: Keyring) -> int:
    """Tell the portals that are due, one batch; returns how many notices were handled."""
    with reading() as db:
        if not store.some_due(db, now=deps.now()):
            return 0
    now = deps.now()
    # Long enough for a batch in which each portal is as slow as it may be.
    until = now + timedelta(seconds=60 + BATCH * deps.settings.fetch_timeout_seconds)
    with transaction() as db:
        notices = store.lease(db, now=now, until=until, limit=BATCH)
    away: dict[str, str] = {}
    for notice in notices:
        client = clients.find(deps, notice.client_id)
        if client is None or client.disabled_at is not None or client.backchannel_logout_uri is None:
            _dead(notice, "the portal is gone")
            continue
        # A portal that does not answer is not asked again for each of its people, while other portals wait.
        failure = away.get(client.id) or _tell(deps, keyring, client, notice)
        if failure is None:
            with transaction() as db:
                store.told(db, notice, now=deps.now())
        else:
            away[client.id] = failure
            _postpone(deps, notice, failure)
    return len(notices)


def send_test(deps: Deps, keyring: Keyring, client: Client) -> int:
    """Tell a portal of the end of a sign-in that never was; the HTTP status that it answers.

    A portal that works answers 200 or 204 (there is nothing to end) or 400. Raises FetchFailed, and ValueError for a
    client without backchannel_logout_uri.
    """
    if client.backchannel_logout_uri is None:
        raise ValueError("no backchannel_logout_uri is registered")
    token = logout_token(deps, keyring, client, sub=f"test-{deps.new_id()}", sid=f"test-{deps.new_id()}")
    return fetch.post(deps, client.backchannel_logout_uri, {"logout_token": token})


def logout_token(deps: Deps, keyring: Keyring, client: Client, *, sub: str, sid: str) -> str:
    """A logout token (section 2.4), in the algorithm that the portal registered for ID tokens.

    Its type keeps it from being taken for an ID token, and so does `nonce`, which it never has.
    """
    now = deps.now()
    claims: dict[str, Any] = {
        "iss": deps.settings.issuer,
        "sub": sub,
        "aud": client.id,
        "iat": int(now.timestamp()),
        "exp": int((now + TOKEN_LIFE).timestamp()),
        "jti": deps.new_token(128),
        "events": {EVENT: {}},
        "sid": sid,
    }
    algorithm = client.id_token_signed_response_alg
    # Section 2.4: never unsigned, even where ID tokens are.
    key = keyring.signing("RS256" if algorithm == "none" else algorithm)
    return key.sign(orjson.dumps(claims), "logout+jwt")


def _tell(deps: Deps, keyring: Keyring, client: Client, notice: Notice) -> str | None:
    """Post a token made now; why it failed, None when the portal took it (section 2.8)."""
    assert client.backchannel_logout_uri is not None
    token = logout_token(deps, keyring, client, sub=subject(deps.digests, client, notice.account_id), sid=notice.sid)
    try:
        status = fetch.post(deps, client.backchannel_logout_uri, {"logout_token": token})
    except FetchFailed as error:
        return error.reason.value
    return None if 200 <= status < 300 else f"HTTP {status}"


def _postpone(deps: Deps, notice: Notice, answer: str) -> None:
    now = deps.now()
    if now - notice.created_at > GIVE_UP_AFTER:
        _dead(notice, answer)
        return
    delay = _DELAYS[min(notice.attempts, len(_DELAYS)) - 1]
    # Jitter, so that a thousand notices do not all come back in the same second.
    until = now + delay * random.uniform(0.8, 1.2)  # noqa: S311 - not a secret
    with transaction() as db:
        store.postponed(db, notice, until=until, answer=answer)


def _dead(notice: Notice, answer: str) -> None:
    with transaction() as db:
        store.dead(db, notice, answer=answer)
    log.warning("portal not told", extra={"client": notice.client_id, "notice": notice.id, "answer": answer})
