"""HTTP of what a portal's server calls. JSON, never cached, and no cookie is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qsl

from flask import Blueprint, Response, request

from idp import metrics
from idp.oidc import failing
from idp.oidc.protocol import ProtocolError
from idp.oidc.provider import Provider
from idp.oidc.registration.metadata import GRANT_TYPES
from idp.oidc.responses import unkept, unkept_token
from idp.oidc.server import Answer, Server, failure
from idp.oidc.token import userinfo as userinfo_steps
from idp.web import cors

_FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 500
# What a single-page portal calls; introspection is for servers.
_FOR_SCRIPTS = frozenset({"/oauth/token", "/oauth/userinfo", "/oauth/revoke"})


def blueprint(provider: Provider, server: Server) -> Blueprint:
    endpoints = Blueprint("token", __name__)

    @endpoints.post("/oauth/token")
    def token() -> Response:
        pairs = _pairs()
        answer = server.token(pairs, request.headers.getlist("Authorization"))
        metrics.token_request(_grant_type(pairs), str(answer.body.get("error", "issued")))
        return _json(answer)

    @endpoints.post("/oauth/par")
    def push() -> Response:
        return _json(server.push(_pairs(), request.headers.getlist("Authorization")))

    @endpoints.post("/oauth/introspect")
    def introspect() -> Response:
        accept = request.headers.get("Accept", "")
        return _json(server.introspect(_pairs(), request.headers.getlist("Authorization"), accept=accept))

    @endpoints.post("/oauth/revoke")
    def revoke() -> Response:
        return _json(server.revoke(_pairs(), request.headers.getlist("Authorization")))

    @endpoints.route("/oauth/userinfo", methods=["GET", "POST"])
    def userinfo() -> Response:
        try:
            told = userinfo_steps.userinfo(provider, _bearer())
        except ProtocolError as error:
            answer = failure(error)
            words = f'error="{answer.body["error"]}", error_description="{answer.body["error_description"]}"'
            plain = 'Bearer realm="userinfo"'
            challenge = plain if error.error == "missing_token" else f"{plain}, {words}"
            # A request without any token is told the scheme and no error (RFC 6750 3.1).
            shown = {} if error.error == "missing_token" else answer.body
            return _json(Answer(answer.status, shown, challenge))
        return _json(Answer(200, told.claims, jwt=None if told.jwt is None else ("application/jwt", told.jwt)))

    @endpoints.after_request
    def for_scripts(response: Response) -> Response:
        return cors.allow(response) if request.path in _FOR_SCRIPTS else response

    @endpoints.errorhandler(ProtocolError)
    def malformed(error: ProtocolError) -> Response:
        return _json(failure(error))

    failing.register(endpoints)
    return endpoints


def _pairs() -> list[tuple[str, str]]:
    """The form's fields as sent. Raises ProtocolError when the body is no form."""
    if request.mimetype != _FORM:
        raise ProtocolError("invalid_request", f"the body must be {_FORM}")
    try:
        body = request.get_data(cache=False).decode()
        return parse_qsl(body, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise ProtocolError("invalid_request", "the body is malformed") from None


def _grant_type(pairs: Sequence[tuple[str, str]]) -> str:
    """The grant type asked for, where it is one of ours; what else is sent must not become a label."""
    asked = dict(pairs).get("grant_type")
    return asked if asked in GRANT_TYPES else metrics.OTHER


def _bearer() -> str:
    """The access token of the request: in the header or in a form, never in the query (RFC 6750 2.3, OAuth 2.1)."""
    headers = request.headers.getlist("Authorization")
    posted = request.form.getlist("access_token") if request.method == "POST" else []
    if len(headers) + len(posted) > 1:
        raise ProtocolError("invalid_request", "the access token is given more than once")
    if posted:
        return posted[0]
    scheme, _, token = headers[0].partition(" ") if headers else ("", "", "")
    if not headers or scheme.lower() != "bearer":
        raise ProtocolError("missing_token", "a bearer token is needed", status=401)
    if not token or " " in token.strip() or "," in token:
        raise ProtocolError("invalid_request", "the Authorization header is malformed")
    return token.strip()


def _json(answer: Answer) -> Response:
    if answer.jwt is not None:
        media_type, token = answer.jwt
        return unkept_token(token, media_type)
    response = unkept(answer.body, answer.status)
    if answer.challenge is not None:
        response.headers["WWW-Authenticate"] = answer.challenge
    return response
