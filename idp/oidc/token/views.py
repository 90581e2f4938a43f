"""HTTP of what a portal's server calls. JSON, never cached, and no cookie is looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from flask import Blueprint, Response, request

from idp import metrics
from idp.oidc import failing
from idp.oidc.calls import Call, Endpoint
from idp.oidc.protocol import ProtocolError
from idp.oidc.provider import Provider
from idp.oidc.registration.metadata import GRANT_TYPES
from idp.oidc.responses import Answer, failure, response
from idp.oidc.server import Server
from idp.oidc.userinfo import steps as userinfo_steps
from idp.web import cors

_POST = frozenset({"POST"})


def endpoints(provider: Provider, server: Server) -> Mapping[str, Endpoint[Answer]]:
    """By path. What a single-page portal calls is for scripts; introspection and pushed requests are for servers."""

    def token(call: Call) -> Answer:
        pairs = call.form()
        answer = server.token(pairs, call.authorization)
        metrics.token_request(_grant_type(pairs), str(answer.body.get("error", "issued")))
        return answer

    def push(call: Call) -> Answer:
        return server.push(call.form(), call.authorization)

    def introspect(call: Call) -> Answer:
        return server.introspect(call.form(), call.authorization, accept=call.accept)

    def revoke(call: Call) -> Answer:
        return server.revoke(call.form(), call.authorization)

    def userinfo(call: Call) -> Answer:
        try:
            told = userinfo_steps.userinfo(provider, _bearer(call))
        except ProtocolError as error:
            return _refused(error)
        return Answer(200, told.claims, jwt=None if told.jwt is None else ("application/jwt", told.jwt))

    return {
        "/oauth/token": Endpoint("token", _POST, token, for_scripts=True),
        "/oauth/par": Endpoint("push", _POST, push),
        "/oauth/introspect": Endpoint("introspect", _POST, introspect),
        "/oauth/revoke": Endpoint("revoke", _POST, revoke, for_scripts=True),
        "/oauth/userinfo": Endpoint("userinfo", frozenset({"GET", "POST"}), userinfo, for_scripts=True),
    }


def blueprint(table: Mapping[str, Endpoint[Answer]], *, most: int) -> Blueprint:
    """The endpoints in Flask's table, which answers what is asked of them otherwise: OPTIONS, HEAD, a wrong method.

    most: bytes of a body.
    """
    found = Blueprint("token", __name__)

    def view(endpoint: Endpoint[Answer]) -> Response:
        return response(endpoint.answer(Call(request.environ, most)))

    for path, endpoint in table.items():
        found.add_url_rule(path, endpoint.name, partial(view, endpoint), methods=sorted(endpoint.methods))

    @found.after_request
    def for_scripts(answer: Response) -> Response:
        return cors.allow(answer) if request.path in table and table[request.path].for_scripts else answer

    failing.register(found)
    return found


def _grant_type(pairs: Sequence[tuple[str, str]]) -> str:
    """The grant type asked for, where it is one of ours; what else is sent must not become a label."""
    asked = dict(pairs).get("grant_type")
    return asked if asked in GRANT_TYPES else metrics.OTHER


def _bearer(call: Call) -> str:
    """The access token of the request: in the header or in a form, never in the query (RFC 6750 2.3, OAuth 2.1)."""
    headers = call.authorization
    form = call.form() if call.method == "POST" and call.has_form else []
    posted = [value for name, value in form if name == "access_token"]
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


def _refused(error: ProtocolError) -> Answer:
    """With the scheme to use; a request without any token is told the scheme and no error (RFC 6750 3.1)."""
    if error.error == "missing_token":
        return Answer(error.http_status, {}, 'Bearer realm="userinfo"')
    told = failure(error)
    words = f'error="{told.body["error"]}", error_description="{told.body["error_description"]}"'
    return Answer(told.status, told.body, f'Bearer realm="userinfo", {words}')
