"""Requests that are asked all day and answered without a page, in front of Flask: software's, and those of authorization.

Flask's request, its context, routing and response took as long as everything else that such a request needs, the
signature included. What is here has a path that is known, and is answered by JSON or by a redirect. What is unusual
(another method, an address that is almost one of ours, whatever needs a page) goes on to Flask, which has the same
endpoints in its table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from time import perf_counter
from typing import TYPE_CHECKING, Generic, TypeVar
from urllib.parse import parse_qsl

from flask import Flask
from werkzeug.wsgi import get_input_stream

from idp import metrics, patience
from idp.database import Bare
from idp.oidc.failing import answer_to
from idp.oidc.protocol import ProtocolError
from idp.oidc.responses import Answer, Redirect
from idp.web import cors

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 500
_STATUS = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


class Call:
    """What of a request an endpoint looks at. environ: as the server gave it."""

    __slots__ = ("_most", "environ")

    def __init__(self, environ: WSGIEnvironment, most: int) -> None:
        """most: bytes of its body."""
        self.environ = environ
        self._most = most

    @property
    def method(self) -> str:
        return str(self.environ["REQUEST_METHOD"])

    @property
    def authorization(self) -> list[str]:
        """The Authorization headers as sent: none or one, since a server joins several into one."""
        given = self.environ.get("HTTP_AUTHORIZATION")
        return [] if given is None else [given]

    @property
    def accept(self) -> str:
        return str(self.environ.get("HTTP_ACCEPT", ""))

    @property
    def query(self) -> bytes:
        """As it came."""
        return str(self.environ.get("QUERY_STRING", "")).encode("latin-1")  # PEP 3333, Unicode issues

    @property
    def cookies(self) -> dict[str, str]:
        """By name; of one that is sent twice the first, which is the one of the most specific path (RFC 6265 5.4)."""
        found: dict[str, str] = {}
        for pair in str(self.environ.get("HTTP_COOKIE", "")).split(";"):
            name, _, value = pair.partition("=")
            found.setdefault(name.strip(), value.strip())
        return found

    @property
    def has_form(self) -> bool:
        return str(self.environ.get("CONTENT_TYPE", "")).partition(";")[0].strip().lower() == _FORM

    def form(self) -> list[tuple[str, str]]:
        """The form's fields as sent. Raises ProtocolError when the body is no form, RequestEntityTooLarge."""
        if not self.has_form:
            raise ProtocolError("invalid_request", f"the body must be {_FORM}")
        body = get_input_stream(self.environ, max_content_length=self._most).read()
        try:
            return parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
        except ValueError:
            raise ProtocolError("invalid_request", "the body is malformed") from None


Told = TypeVar("Told", bound="Answer | Redirect | None", covariant=True)


@dataclass(frozen=True)
class Endpoint(Generic[Told]):
    """name: in Flask's table. answer: None for what Flask is to answer. for_scripts: whether pages of other origins may
    read its answers."""

    name: str
    methods: frozenset[str]
    answer: Callable[[Call], Told]
    for_scripts: bool = False


class Calls:
    """A WSGI application: these endpoints, and another application for everything else."""

    def __init__(self, endpoints: Mapping[str, Endpoint[Answer | Redirect | None]], app: Flask, *, most: int) -> None:
        """most: bytes of a body."""
        self._answers = {path: (one, patience.again(one.answer)) for path, one in endpoints.items()}
        self._database = Bare(app)
        self._otherwise = app.wsgi_app
        self._most = most

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        found = self._answers.get(path)
        if found is None or environ["REQUEST_METHOD"] not in found[0].methods:
            return self._otherwise(environ, start_response)
        endpoint, answered = found
        began = perf_counter()
        answer: Answer | Redirect | None
        try:
            with self._database:
                answer = answered(Call(environ, self._most))
        except Exception as error:  # noqa: BLE001 - whatever it is, whoever called is told in JSON
            answer = answer_to(error)
        if answer is None:
            return self._otherwise(environ, start_response)
        headers, content = answer.written()
        if endpoint.for_scripts:
            headers.extend(cors.OF_ANSWERS)
        metrics.request(path, answer.status, perf_counter() - began)
        start_response(_STATUS[answer.status], headers)
        return [content]
