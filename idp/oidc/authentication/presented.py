"""What a request brings to prove who sends it: exactly one of four ways. Pure.

Sources: RFC 6749 2.3 and 3.2, RFC 7521 4.2, RFC 9110 11.6.2.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote_plus

from idp.oidc.protocol import ProtocolError

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(frozen=True)
class Secret:
    """A secret, in HTTP Basic (`client_secret_basic`) or in the form (`client_secret_post`)."""

    method: str
    client_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True)
class Assertion:
    """A signed JWT. client_id: of the form, None when it is left to the JWT."""

    client_id: str | None
    token: str = field(repr=False)


@dataclass(frozen=True)
class Nothing:
    """Only a name, which proves nothing: enough for a public client."""

    client_id: str


Presented = Secret | Assertion | Nothing


def presented(form: Mapping[str, str], authorization: Sequence[str]) -> Presented | None:
    """The one way that a request uses; None when it uses none.

    form: without empty and repeated parameters. authorization: the Authorization headers as sent.
    Raises ProtocolError: two ways at once, or one that is malformed.
    """
    if len(authorization) > 1:
        raise ProtocolError("invalid_request", "there are two Authorization headers")
    client_id = form.get("client_id")
    basic = _basic(authorization[0]) if authorization else None
    asserts = "client_assertion" in form or "client_assertion_type" in form
    if sum((basic is not None, "client_secret" in form, asserts)) > 1:
        raise ProtocolError("invalid_request", "the client authenticates in two ways at once")
    if basic is not None:
        if client_id not in (None, basic.client_id):
            raise ProtocolError("invalid_request", "the client authenticates in two ways at once")
        return basic
    if asserts:
        if form.get("client_assertion_type") != ASSERTION_TYPE or "client_assertion" not in form:
            raise ProtocolError("invalid_client", "client authentication failed", status=401)
        return Assertion(client_id, form["client_assertion"])
    if client_id is None:
        return None
    return (
        Secret("client_secret_post", client_id, form["client_secret"])
        if "client_secret" in form
        else Nothing(client_id)
    )


def _basic(header: str) -> Secret:
    """Client id and secret of HTTP Basic, the id form-decoded (RFC 6749 2.3.1). Raises ProtocolError."""
    refused = ProtocolError("invalid_client", "the Authorization header is malformed", status=401)
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise refused
    try:
        client_id, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise refused from None
    if not colon or not client_id or not secret:
        raise refused
    return Secret("client_secret_basic", unquote_plus(client_id), secret)
