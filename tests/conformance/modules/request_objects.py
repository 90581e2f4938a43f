"""Requests as JWTs, by value and by reference (OIDC Core 6): understood, or refused as not supported, never ignored."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from tests.conformance.modules import STATIC, module
from tests.conformance.suite import jose
from tests.conformance.suite.client import Client
from tests.conformance.suite.conditions import authorization, metadata
from tests.conformance.suite.findings import condition, refute
from tests.conformance.suite.run import Request, Run


def _algorithms(run: Run) -> list[str]:
    return list(run.metadata.get("request_object_signing_alg_values_supported", ["none", "RS256"]))


def _outside(request: Request, /, **more: str) -> Request:
    """What OAuth 2.0 demands as plain parameters beside a request object."""
    return {name: request[name] for name in ("client_id", "response_type", "scope")} | more


def _request_uri(run: Run) -> str:
    """A fresh address of a request object, with a fragment as OIDC Core 6.2 recommends."""
    fragment = hashlib.sha256(secrets.token_bytes(16)).hexdigest()
    return f"{run.relying_party.base}{run.path}/request/{secrets.token_hex(8)}#{fragment}"


def _publish(run: Run, uri: str, token: str) -> None:
    path = uri.removeprefix(run.relying_party.base).split("#")[0]
    run.relying_party.publish(path, token, "application/oauth-authz-req+jwt")


def _supported_or_refused(run: Run, client: Client, request: Request, sent: Request, refusal: str, flag: str) -> None:
    """The request is understood, or refused with the very error; if metadata promises it, that is worth a warning."""
    answer = run.answer(sent, redirect_uri=request["redirect_uri"])
    if "error" not in answer:
        run.complete(client, request, answer)
        return
    # Where request objects are not read, neither is the state that is in it only.
    authorization.ensure_error_from_authorization_endpoint_response(answer)
    authorization.check_error_from_authorization_endpoint(answer, refusal)
    if run.metadata.get(flag):
        run.should(_promised, flag)


@condition("OIDCD-3")
def _promised(flag: str) -> None:
    refute(f"metadata says {flag}, yet the request is refused as not supported")


@module("oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported")
def unsigned_request_object(run: Run) -> None:
    run.skip_unless("none" in _algorithms(run), f"only signed request objects: {_algorithms(run)}")
    client = run.client()
    request = run.request(client)
    sent = _outside(request, redirect_uri=request["redirect_uri"], request=jose.unsigned(request))
    _supported_or_refused(run, client, request, sent, "request_not_supported", "request_parameter_supported")


@module("oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported", client_registration=STATIC)
def request_uri_unsigned_or_rejected(run: Run) -> None:
    run.skip_unless("none" in _algorithms(run), f"only signed request objects: {_algorithms(run)}")
    uri = _request_uri(run)
    client = run.client(request_uris=[uri])
    request = run.request(client)
    _publish(run, uri, jose.unsigned(request))
    sent = _outside(request, redirect_uri=request["redirect_uri"], request_uri=uri)
    _supported_or_refused(run, client, request, sent, "request_uri_not_supported", "request_uri_parameter_supported")


@module("oidcc-request-uri-unsigned", client_registration=STATIC)
def request_uri_unsigned(run: Run) -> None:
    run.skip_unless("none" in _algorithms(run), f"only signed request objects: {_algorithms(run)}")
    _by_reference(run, {}, lambda claims, _client: jose.unsigned(claims))


@module("oidcc-request-uri-signed-rs256", client_registration=STATIC)
def request_uri_signed_rs256(run: Run) -> None:
    run.skip_unless("RS256" in _algorithms(run), f"RS256 is not offered: {_algorithms(run)}")

    def signed(claims: dict[str, Any], client: Client) -> str:
        return jose.signed(claims | {"aud": run.issuer, "iss": client.id}, client.key)

    _by_reference(run, {"request_object_signing_alg": "RS256"}, signed)


def _by_reference(run: Run, registered: dict[str, str], serialize: Any) -> None:
    metadata.check_disc_endpoint_request_uri_parameter_supported(run.metadata)
    uri = _request_uri(run)
    client = run.client(request_uris=[uri], **registered)
    request = run.request(client)
    _publish(run, uri, serialize(dict(request), client))
    answer = run.answer(_outside(request, request_uri=uri), redirect_uri=request["redirect_uri"])
    run.complete(client, request, answer)


@condition("OIDCC-6.1")
def _not_the_default_redirect_uri() -> None:
    refute("refused at the registered redirect URI, although the request's own was not registered")


@module("oidcc-ensure-request-object-with-redirect-uri")
def ensure_request_object_with_redirect_uri(run: Run) -> None:
    run.skip_unless("none" in _algorithms(run), f"only signed request objects: {_algorithms(run)}")
    client = run.client()
    request = run.request(client)
    sent = _outside(request, redirect_uri=f"{request['redirect_uri']}/invalid", request=jose.unsigned(request))
    with run.fresh_arrivals() as arrivals:
        run.open(sent)
        if run.browser.pictures and not arrivals:
            authorization.expect_error_page(run.browser.page, run.browser.pictures)
            return
        answer = run.read(arrivals, request["redirect_uri"])
    if answer.get("error") == "request_not_supported":
        _not_the_default_redirect_uri()
    run.complete(client, request, answer)
