"""Endpoints that software calls all day, answered in front of Flask.

Flask's request, its context, routing and response took as long as everything else that such a call needs, the signature
included. A call here has a path that is known, a form or a bearer token, no session, no page, no cookie. What is unusual
(another method, an address that is almost one of ours) goes on to Flask, which has the same endpoints in its table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from time import perf_counter
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from flask import Flask
from werkzeug.wsgi import get_input_stream

from idp import correlation, metrics, patience
from idp.deps import Deps
from idp.oidc.failing import answer_to
from idp.oidc.protocol import ProtocolError
from idp.oidc.responses import Answer
from idp.web import cors

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 500
_STATUS = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


class Call:
    """What of a request an endpoint looks at."""

    __slots__ = ("_environ", "_most")

    def __init__(self, environ: WSGIEnvironment, most: int) -> None:
        """most: bytes of its body."""
        self._environ = environ
        self._most = most

    @property
    def method(self) -> str:
        return str(self._environ["REQUEST_METHOD"])

    @property
    def authorization(self) -> list[str]:
        """The Authorization headers as sent: none or one, since a server joins several into one."""
        given = self._environ.get("HTTP_AUTHORIZATION")
        return [] if given is None else [given]

    @property
    def accept(self) -> str:
        return str(self._environ.get("HTTP_ACCEPT", ""))

    @property
    def has_form(self) -> bool:
        return str(self._environ.get("CONTENT_TYPE", "")).partition(";")[0].strip().lower() == _FORM

    def form(self) -> list[tuple[str, str]]:
        """The form's fields as sent. Raises ProtocolError when the body is no form, RequestEntityTooLarge."""
        if not self.has_form:
            raise ProtocolError("invalid_request", f"the body must be {_FORM}")
        body = get_input_stream(self._environ, max_content_length=self._most).read()
        try:
            return parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
        except ValueError:
            raise ProtocolError("invalid_request", "the body is malformed") from None


@dataclass(frozen=True)
class Endpoint:
    """name: in Flask's table. for_scripts: whether pages of other origins may read its answers."""

    name: str
    methods: frozenset[str]
    answer: Callable[[Call], Answer]
    for_scripts: bool = False


class Calls:
    """A WSGI application: these endpoints, and another application for everything else."""

    def __init__(self, endpoints: Mapping[str, Endpoint], deps: Deps, app: Flask, otherwise: WSGIApplication) -> None:
        self._answers = {path: (one, patience.again(one.answer)) for path, one in endpoints.items()}
        self._deps = deps
        self._app = app
        self._otherwise = otherwise

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        found = self._answers.get(path)
        if found is None or environ["REQUEST_METHOD"] not in found[0].methods:
            return self._otherwise(environ, start_response)
        endpoint, answered = found
        began = perf_counter()
        settings = self._deps.settings
        patience.begin(settings.database_wait_seconds)
        correlation.begin(environ.get("HTTP_X_REQUEST_ID", ""), self._deps.new_id)
        try:
            with self._app.app_context():
                answer = answered(Call(environ, settings.request_body_limit_bytes))
        except Exception as error:  # noqa: BLE001 - whatever it is, whoever called is told in JSON
            answer = answer_to(error)
        finally:
            patience.end()
        headers, content = answer.written()
        if endpoint.for_scripts:
            headers.extend(cors.OF_ANSWERS)
        metrics.request(path, answer.status, perf_counter() - began)
        start_response(_STATUS[answer.status], headers)
        return [content]
