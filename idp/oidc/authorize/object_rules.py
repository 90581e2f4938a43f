"""What a request object may say, and how it goes together with what stands beside it (OIDC Core 6.1, RFC 9101). Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from idp.oidc.authorize.checks import Asked
from idp.oidc.protocol import ProtocolError
from idp.oidc.registration.metadata import Client

_SKEW_SECONDS = 60
_OF_THE_JWT = frozenset({"iss", "aud", "exp", "nbf", "iat", "jti", "sub"})
# Parameters whose meaning would change if a value of another type were dropped in silence.
_KNOWN = frozenset(
    {"response_type", "response_mode", "redirect_uri", "scope", "state", "nonce", "prompt", "max_age", "claims"}
    | {"code_challenge", "code_challenge_method", "acr_values", "id_token_hint", "login_hint", "client", "societe"}
)


def timely(claims: Mapping[str, Any], now: float) -> bool:
    """Neither expired nor from the future; both are optional (OIDC Core 6.1). now: seconds."""
    expires, begins = claims.get("exp"), claims.get("nbf")
    still = expires is None or (_number(expires) and expires > now - _SKEW_SECONDS)
    return still and (begins is None or (_number(begins) and begins <= now + _SKEW_SECONDS))


def require_addressed(claims: Mapping[str, Any], client: Client, *, issuer: str) -> None:
    """From this client, for this provider, and not pointing to a further object (RFC 9101 4).

    Raises ProtocolError invalid_request_object.
    """
    audience = claims.get("aud", issuer)
    addressed = issuer in (audience if isinstance(audience, list) else [audience])
    sent = claims.get("iss", client.id) == claims.get("client_id", client.id) == client.id
    if not addressed or not sent or {"request", "request_uri"} & set(claims):
        raise _refused()


def merged(asked: Asked, client: Client, claims: Mapping[str, Any]) -> Asked:
    """What the object says goes before what stands beside it (OIDC Core 6.1).

    A client that must sign has nothing beside it looked at (RFC 9101 6.3): the rest anybody may have added.
    Raises ProtocolError invalid_request_object.
    """
    outer = asked.get("response_type")
    if outer and claims.get("response_type", outer) != outer:  # the two must match (OIDC Core 6.1)
        raise _refused()
    beside = {} if client.require_signed_request_object else asked.values
    kept = {name: value for name, value in beside.items() if name not in ("request", "request_uri")}
    values = _texts(claims)
    return replace(
        asked,
        values={**kept, **values, "client_id": client.id},
        repeated=asked.repeated - set(values),
        resources=_resources(claims) or asked.resources,
    )


def _texts(claims: Mapping[str, Any]) -> dict[str, str]:
    """The parameters as they would stand in a query."""
    values: dict[str, str] = {}
    for name, value in claims.items():
        if isinstance(value, str) and name not in _OF_THE_JWT:
            values[name] = value
        elif name == "claims" and isinstance(value, dict):
            values[name] = json.dumps(value)
        elif name == "max_age" and _number(value):
            values[name] = str(value)
        elif name in _KNOWN:
            raise _refused()
    values.pop("resource", None)
    return values


def _resources(claims: Mapping[str, Any]) -> tuple[str, ...]:
    given = claims.get("resource", [])
    resources = [given] if isinstance(given, str) else given
    if not isinstance(resources, list) or not all(isinstance(one, str) for one in resources):
        raise _refused()
    return tuple(dict.fromkeys(resources))


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _refused() -> ProtocolError:
    return ProtocolError("invalid_request_object", "the request object does not fit the request")
