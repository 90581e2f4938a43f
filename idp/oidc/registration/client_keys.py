"""The public keys of a client: those it registered, or those behind its `jwks_uri`, kept for a few minutes.

A client may change its keys at any time and says so by a `kid` that was not there before, so an unknown one is looked
up at once; but anybody can send an unknown `kid`, so never twice within some seconds (OIDC Core 10.1.1).
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import orjson

from idp.deps import Deps
from idp.oidc import fetch
from idp.oidc.fetch import FetchFailed
from idp.oidc.registration import jwks
from idp.oidc.registration.jwks import PublicKey, Use
from idp.oidc.registration.metadata import Client

log = logging.getLogger("idp.fetch")

FRESH = timedelta(minutes=5)
PAUSE = timedelta(seconds=10)
# A client's host that is away for a day does not keep its people out; one that took a key back is believed after it.
STALE = timedelta(hours=24)
_MOST_DOCUMENTS = 300
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def find(deps: Deps, client: Client, *, kid: str | None, algorithm: str, use: Use) -> list[PublicKey]:
    """The client's keys that fit an algorithm, newest knowledge first come; empty when there is none.

    kid: of the header, None when it names none: then all that fit. May wait for the client's host, once, for
    `fetch_timeout_seconds`; so it is never called inside a transaction.
    """
    if client.jwks is not None:
        return jwks.fitting(jwks.members(client.jwks) or [], kid=kid, algorithm=algorithm, use=use)
    if client.jwks_uri is None:
        return []
    document = documents.of(client.jwks_uri)
    found = jwks.fitting(document.read(deps), kid=kid, algorithm=algorithm, use=use)
    if not found:
        found = jwks.fitting(document.read(deps, again=True), kid=kid, algorithm=algorithm, use=use)
    return found


@dataclass
class Document:
    """The key set behind one address, as last read. Thread-safe: one request at a time goes out for it."""

    url: str
    _keys: Sequence[Mapping[str, Any]] = ()
    _read_at: datetime = _LONG_AGO
    _asked_at: datetime = _LONG_AGO
    _asking: threading.Lock = field(default_factory=threading.Lock)

    def read(self, deps: Deps, *, again: bool = False) -> Sequence[Mapping[str, Any]]:
        """The keys: what is known while it is fresh, else what the address says now, else what it said of late.

        again: ask although it is fresh, because something was not in it. Not within PAUSE of the last question.
        """
        now = deps.now()
        usable = self._keys if now - self._read_at < STALE else ()
        if (now - self._read_at < FRESH and not again) or now - self._asked_at < PAUSE:
            return usable
        # Whoever has something to work with does not wait for somebody else's question.
        if not self._asking.acquire(blocking=again or not usable):
            return usable
        try:
            if now - self._asked_at >= PAUSE:  # nobody asked while we waited
                self._ask(deps)
        finally:
            self._asking.release()
        return self._keys if now - self._read_at < STALE else ()

    def _ask(self, deps: Deps) -> None:
        try:
            keys = jwks.members(orjson.loads(fetch.get(deps, self.url)))
        except (FetchFailed, orjson.JSONDecodeError) as error:
            # The host alone: the rest of an address may hold a secret.
            host, why = urlsplit(self.url).hostname, str(error) if isinstance(error, FetchFailed) else "not JSON"
            log.warning("key set not read", extra={"host": host, "why": why})
            return
        finally:
            self._asked_at = deps.now()  # when it was answered: whoever waited meanwhile has no need to ask
        if keys is not None:
            self._keys, self._read_at = keys[: jwks.MOST_KEYS], self._asked_at


class Documents:
    """The key sets of this process, those used last; an address that nobody uses is forgotten."""

    def __init__(self) -> None:
        self._documents: OrderedDict[str, Document] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, url: str) -> Document:
        with self._lock:
            document = self._documents.setdefault(url, Document(url))
            self._documents.move_to_end(url)
            while len(self._documents) > _MOST_DOCUMENTS:
                self._documents.popitem(last=False)
            return document


documents = Documents()
