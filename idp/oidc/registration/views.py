"""HTTP of dynamic registration: JSON in, JSON out, never cached (RFC 7591 3, RFC 7592 2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from flask import Blueprint, Response, request

from idp.deps import Deps
from idp.errors import TooManyAttempts
from idp.oidc import failing
from idp.oidc.protocol import ProtocolError
from idp.oidc.registration import document, statements, steps
from idp.oidc.registration.steps import Registered
from idp.oidc.responses import Answer, failure, response


def blueprint(deps: Deps) -> Blueprint:
    endpoints = Blueprint("registration", __name__)
    statements.issuers(deps.settings.software_statement_keys_file)  # a file that cannot be read is told at the start

    @endpoints.post("/oauth/register")
    def register() -> Response:
        done = steps.register(deps, _body(), token=_bearer(), network=_network())
        return response(Answer(201, _told(deps, done)))

    @endpoints.get("/oauth/register/<client_id>")
    def read(client_id: str) -> Response:
        return response(Answer(200, _told(deps, steps.read(deps, client_id, _bearer()))))

    @endpoints.put("/oauth/register/<client_id>")
    def change(client_id: str) -> Response:
        done = steps.change(deps, client_id, _bearer(), _body(), network=_network())
        return response(Answer(200, _told(deps, done)))

    @endpoints.delete("/oauth/register/<client_id>")
    def delete(client_id: str) -> Response:
        steps.delete(deps, client_id, _bearer(), network=_network())
        return Response(status=204, headers={"Cache-Control": "no-store"})

    @endpoints.errorhandler(ProtocolError)
    def refused(error: ProtocolError) -> Response:
        told = failure(error)
        challenge = 'Bearer realm="registration", error="invalid_token"' if told.status == 401 else None
        return response(Answer(told.status, told.body, challenge))

    @endpoints.errorhandler(TooManyAttempts)
    def busy(error: TooManyAttempts) -> Response:
        told = failure(ProtocolError("access_denied", "too many registrations, try later", status=429))
        seconds = max(1, int((error.retry_at - deps.now()).total_seconds()))
        return response(Answer(told.status, told.body, retry_after=seconds))

    failing.register(endpoints)
    return endpoints


def _told(deps: Deps, done: Registered) -> dict[str, Any]:
    """The client information response (RFC 7591 3.2.1). The secret is in it once, when it was made."""
    client = done.client
    told = {
        **document.shown(client),
        "registration_access_token": done.token,
        "registration_client_uri": f"{deps.settings.issuer}/oauth/register/{client.id}",
    }
    if client.created_at is not None:
        told["client_id_issued_at"] = int(client.created_at.timestamp())
    if done.secret is not None:
        told |= {"client_secret": done.secret, "client_secret_expires_at": 0}
    return told


def _body() -> object:
    """The JSON that was sent. Raises ProtocolError; too large a body is refused before (413)."""
    if request.mimetype != "application/json":
        raise ProtocolError("invalid_client_metadata", "the body must be application/json")
    loads: Callable[[bytes], object] = orjson.loads
    try:
        return loads(request.get_data())
    except orjson.JSONDecodeError:
        raise ProtocolError("invalid_client_metadata", "the body is not JSON") from None


def _bearer() -> str | None:
    """The token of the Authorization header; None without one. Raises ProtocolError."""
    headers = request.headers.getlist("Authorization")
    if not headers:
        return None
    scheme, _, token = headers[0].partition(" ")
    if len(headers) > 1 or scheme.lower() != "bearer" or not token.strip():
        raise ProtocolError("invalid_token", "one bearer token is expected", status=401)
    return token.strip()


def _network() -> str:
    return request.remote_addr or ""
