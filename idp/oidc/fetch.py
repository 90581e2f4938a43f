"""Requests to addresses that clients registered: keys, request objects, sector documents, back-channel logout.

Whoever registers an address chooses where this machine connects to, so one module does it for all (Keycloak
CVE-2020-10770 and -2026-4366, ZITADEL CVE-2025-67494 are the ways it goes wrong elsewhere):

- https only; the name is resolved once, every address of it is judged (`reach.py`) and the connection goes to the
  address that was judged, so a name that changes its mind in between (DNS rebinding) changes nothing
- the certificate is checked for the name; no redirect is followed; no proxy of the environment is used
- one deadline for everything from the name to the last byte, and a limit of bytes as they arrive, not afterwards
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any
from urllib.parse import SplitResult, urlencode, urlsplit

from idp.deps import Deps
from idp.oidc import reach


class Reason(StrEnum):
    """Why nothing came back. Safe to log; whoever gave the address is told less, or could map a network with it."""

    ADDRESS = "address not usable"
    FORBIDDEN = "network not allowed"
    NAME = "name not found"
    CONNECTION = "connection failed"
    CERTIFICATE = "certificate not trusted"
    TIME = "took too long"
    REDIRECT = "redirect not followed"
    STATUS = "status not 200"
    SIZE = "answer too large"
    ANSWER = "answer malformed"


class FetchFailed(Exception):
    """Nothing usable came back. reason: one of a few, without the address."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(str(reason))
        self.reason = reason


def get(deps: Deps, url: str) -> bytes:
    """The body that an https address answers with status 200; a fragment of the address is left out.

    At most `fetch_size_limit_bytes`, within `fetch_timeout_seconds` in all. Raises FetchFailed.
    """
    limit = deps.settings.fetch_size_limit_bytes
    accepted = {"Accept": "application/json, application/jwt, application/jwk-set+json"}
    with closing(_Exchange.begun(deps, url)) as exchange, closing(exchange.answer("GET", None, accepted)) as answer:
        if answer.status != 200:
            raise FetchFailed(Reason.REDIRECT if 300 <= answer.status < 400 else Reason.STATUS)
        # What is compressed could grow past any limit; none was asked for.
        if answer.getheader("Content-Encoding", "identity").lower() != "identity":
            raise FetchFailed(Reason.ANSWER)
        return _body(answer, limit)


def post(deps: Deps, url: str, form: Mapping[str, str]) -> int:
    """Post a form to an https address; the status that it answers, redirects included. Its body is not read.

    Within `fetch_timeout_seconds` in all. Raises FetchFailed.
    """
    body, kind = urlencode(form).encode(), {"Content-Type": "application/x-www-form-urlencoded"}
    with closing(_Exchange.begun(deps, url)) as exchange, closing(exchange.answer("POST", body, kind)) as answer:
        return answer.status


# --- the parts -------------------------------------------------------------------------------------------------------


class _TimedSocket(ssl.SSLSocket):
    """A TLS connection that ends at an instant, however slowly bytes drip in. deadline: of `time.monotonic`."""

    deadline: float = 0.0

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:
        self.settimeout(_left(self.deadline))
        return super().recv_into(buffer, nbytes, flags)

    def send(self, data: Any, flags: int = 0) -> int:
        self.settimeout(_left(self.deadline))
        return super().send(data, flags)


class _Connection(http.client.HTTPConnection):
    """HTTP over a connection that exists already."""

    default_port = 443

    def __init__(self, host: str, port: int, tls: _TimedSocket) -> None:
        super().__init__(host, port)
        self.sock = tls

    def connect(self) -> None:
        raise http.client.NotConnected  # closed by the other side: there is no second attempt


@dataclass(frozen=True)
class _Exchange:
    """One request and its answer."""

    connection: _Connection
    target: str

    @classmethod
    def begun(cls, deps: Deps, url: str) -> _Exchange:
        """Connected to an address that was judged, TLS established. Raises FetchFailed."""
        deadline = time.monotonic() + deps.settings.fetch_timeout_seconds
        parts = _parts(url)
        host, port = str(parts.hostname), parts.port or 443
        addresses = _resolved(deps, host, port, deadline)
        networks = reach.networks(deps.settings.fetch_allowed_networks)
        # One private address among public ones is how a name is made to pass and then lead inside: all must be allowed.
        if not all(reach.allowed(address, networks) for address in addresses):
            raise FetchFailed(Reason.FORBIDDEN)
        tls = _secured(_connected(addresses, port, deadline), host, deps.settings.fetch_ca_file, deadline)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(_Connection(host, port, tls), target)

    def answer(self, method: str, body: bytes | None, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        """The head of the answer."""
        common = {"Accept-Encoding": "identity", "User-Agent": "mon-compte-immobilier", "Connection": "close"}
        try:
            self.connection.request(method, self.target, body=body, headers={**common, **headers})
            return self.connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise _failure(error) from None

    def close(self) -> None:
        self.connection.close()


def _body(answer: http.client.HTTPResponse, limit: int) -> bytes:
    try:
        found = answer.read(limit + 1)
    except (OSError, http.client.HTTPException) as error:
        raise _failure(error) from None
    if len(found) > limit:
        raise FetchFailed(Reason.SIZE)
    if answer.length:  # fewer bytes than were announced
        raise FetchFailed(Reason.ANSWER)
    return found


def _parts(url: str) -> SplitResult:
    if why := reach.address_problem(url):
        raise FetchFailed(Reason.ADDRESS) from ValueError(why)
    return urlsplit(url)


def _resolved(deps: Deps, host: str, port: int, deadline: float) -> list[str]:
    """The addresses of a name, in the resolver's order; it may take as long as it likes, we do not wait for it."""
    found: list[str] = []

    def ask() -> None:
        try:
            found.extend(deps.resolve(host, port))
        except (OSError, UnicodeError):
            return  # no address is the answer

    # A thread, since the system's resolver cannot be told to hurry; it ends by itself.
    asking = threading.Thread(target=ask, name="fetch-resolve", daemon=True)
    asking.start()
    asking.join(_left(deadline))
    if asking.is_alive():
        raise FetchFailed(Reason.TIME)
    if not found:
        raise FetchFailed(Reason.NAME)
    return found[:4]


def _connected(addresses: list[str], port: int, deadline: float) -> socket.socket:
    """A connection to the first address that answers."""
    for tried, address in enumerate(addresses, start=1):
        patience = _left(deadline) if tried == len(addresses) else _left(deadline) / 2
        try:
            return socket.create_connection((address, port), timeout=patience)
        except OSError as error:
            if tried == len(addresses):
                raise _failure(error) from None
    raise FetchFailed(Reason.NAME)


def _secured(plain: socket.socket, host: str, ca_file: str, deadline: float) -> _TimedSocket:
    try:
        tls = _context(ca_file).wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
    except (OSError, ValueError):
        plain.close()
        raise FetchFailed(Reason.CERTIFICATE) from None
    assert isinstance(tls, _TimedSocket)
    tls.deadline = deadline
    try:
        tls.settimeout(_left(deadline))
        tls.do_handshake()
    except (OSError, FetchFailed) as error:
        tls.close()
        raise _failure(error) from None
    return tls


@lru_cache(maxsize=4)
def _context(ca_file: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = _TimedSocket
    return context


def _left(deadline: float) -> float:
    """Seconds until the deadline. Raises FetchFailed when it has passed."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise FetchFailed(Reason.TIME)
    return left


def _failure(error: Exception) -> FetchFailed:
    if isinstance(error, FetchFailed):
        return error
    if isinstance(error, TimeoutError):
        return FetchFailed(Reason.TIME)
    if isinstance(error, ssl.SSLCertVerificationError):
        return FetchFailed(Reason.CERTIFICATE)
    if isinstance(error, OSError | http.client.NotConnected | http.client.RemoteDisconnected):
        return FetchFailed(Reason.CONNECTION)
    return FetchFailed(Reason.ANSWER)
