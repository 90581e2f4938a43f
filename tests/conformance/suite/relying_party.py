"""The relying party's https server: documents that the provider fetches, and what it was sent.

Callbacks need no server: the browser is ours and hands them over (`browser.py`). What a provider calls by itself does:
jwks_uri, request_uri, sector_identifier_uri, backchannel_logout_uri. A real browser needs the callback pages too.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.conformance.suite.certificates import Certificates


@dataclass(frozen=True)
class Received:
    """A request that came. query, form: values by name."""

    method: str
    url: str
    query: dict[str, list[str]]
    form: dict[str, list[str]]
    content_type: str
    tls: str


class RelyingParty:
    """Serves on a loopback port of its own until stopped. base: its address, without a final slash."""

    def __init__(self, certificates: Certificates) -> None:
        self._documents: dict[str, tuple[bytes, str]] = {}
        self._received: defaultdict[str, list[Received]] = defaultdict(list)
        self._changed = threading.Condition()
        self._server = _Server(("127.0.0.1", 0), self)
        # The handshake is left to the thread of each connection: one that stalls must not hold up the others.
        self._server.socket = certificates.serving().wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self.base = f"https://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def publish(self, path: str, body: bytes | str, content_type: str) -> str:
        """Serve a document from now on; returns its address."""
        self._documents[path] = (body.encode() if isinstance(body, str) else body, content_type)
        return self.base + path

    def document(self, path: str) -> tuple[bytes, str]:
        return self._documents.get(path, (b"<!doctype html><title>Relying party</title>", "text/html"))

    def take(self, path: str, received: Received) -> None:
        with self._changed:
            self._received[path].append(received)
            self._changed.notify_all()

    def wait_for(self, path: str, seconds: float) -> Received | None:
        """The last request to a path, as soon as there is one; None when none came in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._received[path], seconds)
            return self._received[path][-1] if self._received[path] else None

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], relying_party: RelyingParty) -> None:
        self.relying_party = relying_party
        super().__init__(address, _Handler)

    def handle_error(self, *_: Any) -> None:
        """A peer that hangs up is its own business."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode("utf-8", "replace")
        content_type = self.headers.get_content_type()
        form = body if content_type == "application/x-www-form-urlencoded" else ""
        relying_party = self.server.relying_party
        answer, kind = relying_party.document(parts.path)
        relying_party.take(
            parts.path,
            Received(
                self.command,
                self.path,
                parse_qs(parts.query, keep_blank_values=True),
                parse_qs(form, keep_blank_values=True),
                content_type,
                self.connection.version() or "",  # type: ignore[attr-defined]
            ),
        )
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(answer)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None: ...
