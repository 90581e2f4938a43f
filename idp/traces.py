"""Traces for a collector of OpenTelemetry, where `traces_endpoint` names one: a span a request, one a statement in it.

Passwords that are hashed are spans of their request; a run of a background job and a mail that is sent are traces of
their own (`idp.spans`).

A trace leaves the house, so it says what ran and how long it took, and nothing that somebody typed, holds or is: the
rule of a route and never its path (the address of a mailed link is a secret), the text of a statement and never its
values, the kind of a failure and never its words (PostgreSQL repeats the row in them), no header, no network. The id
of the request, which is on error pages and in the log, is in its trace too. Loaded only where it is wanted (decision 0029).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.metadata import version
from typing import Any

from flask import Flask, Response, request
from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer
from sqlalchemy import Engine, event

from idp import correlation, spans
from idp.database import db
from idp.settings import Settings

EXTENSION = "idp.traces"  # under which an application keeps what it was installed with
_SPAN = "idp.span"
_DELAY_MILLISECONDS = 1000  # that a span waits to be sent together with others; a worker that ends loses as much
_SEND_SECONDS = 5  # for each try of a batch; in a thread of its own, which no request waits for
_FINISH_MILLISECONDS = 2000
# Others are made up by scanners (semantic conventions of HTTP, `_OTHER`).
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"})


def install(app: Flask, settings: Settings) -> None:
    """Trace what the service does from now on. What cannot be delivered in time is dropped."""
    _trace_requests(app, install_without_requests(app, settings))


def install_without_requests(app: Flask, settings: Settings) -> Tracer:
    """The same for a program that answers none: the mail sender."""
    # Its complaints hold the collector's answers, and below that each try is told.
    logging.getLogger("opentelemetry").setLevel(logging.ERROR)
    provider = TracerProvider(
        sampler=TraceIdRatioBased(settings.traces_sampled_percent / 100),
        resource=Resource.create({SERVICE_NAME: "idp", SERVICE_VERSION: version("mon-compte-immobilier")}),
        # Its end waits for a collector that is away for longer than a supervisor waits for a worker.
        shutdown_on_exit=False,
    )
    exporter = OTLPSpanExporter(endpoint=settings.traces_endpoint, timeout=_SEND_SECONDS)
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=_DELAY_MILLISECONDS))
    tracer = provider.get_tracer("idp")
    app.extensions[EXTENSION] = provider
    spans.enable(_steps(tracer), lambda name, value: trace.get_current_span().set_attribute(name, value))
    with app.app_context():
        _trace_statements(db.engine, tracer)
    return tracer


def finish(app: Flask) -> None:
    """Send what waits to be sent, of a program that comes to its end; a collector that is away is not waited for."""
    if (provider := app.extensions.get(EXTENSION)) is not None:
        provider.force_flush(_FINISH_MILLISECONDS)


def _steps(tracer: Tracer) -> Callable[[str, bool], AbstractContextManager[None]]:
    @contextmanager
    def step(name: str, alone: bool) -> Iterator[None]:
        if not alone and not trace.get_current_span().is_recording():
            yield
            return
        span = tracer.start_span(name, context=contexts.Context() if alone else None)
        token = contexts.attach(trace.set_span_in_context(span))
        try:
            yield
        except Exception as error:  # its words may hold an address: only its kind is told
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(Status(StatusCode.ERROR))
            raise
        finally:
            contexts.detach(token)
            span.end()

    return step


def _trace_requests(app: Flask, tracer: Tracer) -> None:
    @app.before_request
    def begin() -> None:
        # A trace of its own: a `traceparent` from outside would let strangers choose what is sampled and how it is named.
        span = tracer.start_span(_method(), context=contexts.Context(), kind=SpanKind.SERVER)
        token = contexts.attach(trace.set_span_in_context(span))
        request.environ[_SPAN] = span, token

    @app.after_request
    def describe(response: Response) -> Response:
        span = trace.get_current_span()
        span.set_attributes(
            {
                "http.request.method": _method(),
                "http.response.status_code": response.status_code,
                "idp.request": correlation.current(),
            }
        )
        if request.url_rule is not None:
            span.update_name(f"{_method()} {request.url_rule.rule}")
            span.set_attribute("http.route", request.url_rule.rule)
        if response.status_code >= 500:
            span.set_status(Status(StatusCode.ERROR))
        return response

    @app.teardown_request
    def end(_error: BaseException | None) -> None:
        if (begun := request.environ.pop(_SPAN, None)) is not None:
            span, token = begun
            span.end()
            contexts.detach(token)


def _method() -> str:
    return request.method if request.method in _METHODS else "_OTHER"


def _trace_statements(engine: Engine, tracer: Tracer) -> None:
    system = engine.dialect.name

    def begin(_connection: Any, _cursor: Any, statement: str, _values: Any, execution: Any, _many: bool) -> None:
        if not trace.get_current_span().is_recording():  # outside of a request, or one that is not sampled
            return
        operation = statement.split(maxsplit=1)[0].upper()
        named = {"db.system.name": system, "db.operation.name": operation, "db.query.text": statement}
        execution.idp_span = tracer.start_span(operation, kind=SpanKind.CLIENT, attributes=named)

    def end(_connection: Any, _cursor: Any, _statement: str, _values: Any, execution: Any, _many: bool) -> None:
        if (span := getattr(execution, "idp_span", None)) is not None:
            span.end()

    def fail(failure: Any) -> None:
        if (span := getattr(failure.execution_context, "idp_span", None)) is not None:
            span.set_attribute("error.type", type(failure.original_exception).__name__)
            span.set_status(Status(StatusCode.ERROR))
            span.end()

    event.listen(engine, "before_cursor_execute", begin)
    event.listen(engine, "after_cursor_execute", end)
    event.listen(engine, "handle_error", fail)
