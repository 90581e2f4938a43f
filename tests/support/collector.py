"""A collector of OpenTelemetry on loopback: takes OTLP/HTTP, and keeps what came."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Collector:
    """endpoint: where traces are sent. bodies: what was sent, as it came."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                collector.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}/v1/traces"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def text(self) -> str:
        """Everything that came; texts stand in it as they are."""
        return b"\n".join(self.bodies).decode("utf-8", "replace")

    def spans(self) -> list[tuple[str, dict[str, Any]]]:
        """Name and attributes of each span."""
        return [
            (span.name, {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes})
            for span in self._spans()
        ]

    def families(self) -> dict[str | None, set[str]]:
        """Names of the spans in each, by its name; under None those that are in no other."""
        names = {span.span_id: span.name for span in self._spans()}
        found: dict[str | None, set[str]] = {}
        for span in self._spans():
            found.setdefault(names.get(span.parent_span_id), set()).add(span.name)
        return found

    def _spans(self) -> list[Any]:
        requests = [ExportTraceServiceRequest.FromString(body) for body in list(self.bodies)]
        return [
            span
            for request in requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
