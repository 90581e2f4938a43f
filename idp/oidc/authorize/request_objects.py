"""Request objects: the parameters of a request as a JWT, by value or behind an address (OIDC Core 6, RFC 9101).

What the object says counts, whatever stands beside it. It is read in one order that cannot be turned round: fetched
only from an address that the client registered, decrypted only with our keys, and accepted only in the algorithm that
the client registered; nothing of its header chooses a key of its own (RFC 8725 3.1).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from joserfc import jwe, jws
from joserfc.errors import JoseError

from idp.oidc import fetch
from idp.oidc.authorize import object_rules
from idp.oidc.authorize.checks import Asked
from idp.oidc.fetch import FetchFailed
from idp.oidc.jose import Signatures
from idp.oidc.protocol import ProtocolError
from idp.oidc.provider import Provider
from idp.oidc.registration import client_keys
from idp.oidc.registration.metadata import CONTENT_ENCRYPTIONS, KEY_ENCRYPTIONS, SIGNING_ALGORITHMS, Client

_LONGEST = 48 * 1024


def unpack(provider: Provider, asked: Asked, client: Client) -> Asked:
    """The request with the parameters of its request object in place; as it is when it has none.

    Raises ProtocolError invalid_request, invalid_request_uri, invalid_request_object.
    """
    by_value, address = asked.get("request"), asked.get("request_uri")
    if not by_value and not address:
        if client.require_signed_request_object:
            raise ProtocolError("invalid_request", "this client must send a signed request object")
        return asked
    if (by_value and address) or asked.repeated & {"request", "request_uri"}:
        raise ProtocolError("invalid_request", "request and request_uri exclude each other, and come once")
    claims = _claims(provider, client, by_value or _fetched(provider, client, address))
    object_rules.require_addressed(claims, client, issuer=provider.deps.settings.issuer)
    return object_rules.merged(asked, client, claims)


def _fetched(provider: Provider, client: Client, address: str) -> str:
    """The object behind a registered address; a fragment only tells versions apart (OIDC Core 6.2)."""
    if address.partition("#")[0] not in {known.partition("#")[0] for known in client.request_uris}:
        raise ProtocolError("invalid_request_uri", "the request_uri is not registered for this client")
    try:
        return fetch.get(provider.deps, address.partition("#")[0]).decode("ascii").strip()
    except (FetchFailed, UnicodeDecodeError):
        raise ProtocolError("invalid_request_uri", "the request_uri could not be read") from None


def _claims(provider: Provider, client: Client, token: str) -> Mapping[str, Any]:
    """Decrypt where it is encrypted, verify, and parse."""
    refused = ProtocolError("invalid_request_object", "the request object is malformed or not acceptable")
    if len(token) > _LONGEST or not token.isascii():
        raise refused
    try:
        encrypted = token.count(".") == 4
        if encrypted:
            token = _decrypted(provider, client, token)
        elif client.request_object_encryption_alg is not None:
            raise refused
        now = provider.deps.now().timestamp()
        claims = json.loads(_verified(provider, client, token, unsigned_will_do=not encrypted))
    except (JoseError, ValueError, LookupError, RecursionError):
        raise refused from None
    if not isinstance(claims, dict) or not object_rules.timely(claims, now):
        raise refused
    return claims


def _decrypted(provider: Provider, client: Client, token: str) -> str:
    """Raises JoseError, LookupError. Compressed ones are refused: a few bytes can unpack to a gigabyte."""
    header = json.loads(_decoded(token.partition(".")[0]))
    if not isinstance(header, dict):
        raise LookupError  # noqa: TRY004 - malformed, like the rest
    algorithm, encryption = header.get("alg"), header.get("enc")
    if "zip" in header or algorithm not in KEY_ENCRYPTIONS or encryption not in CONTENT_ENCRYPTIONS:
        raise LookupError
    if client.request_object_encryption_alg not in (None, algorithm):
        raise LookupError
    for key in provider.keyring.decryption_keys():
        if key.algorithm == algorithm and header.get("kid") in (None, key.kid):
            with suppress(JoseError):
                plain = jwe.decrypt_compact(token, key.jwk, algorithms=[str(algorithm), str(encryption)]).plaintext
                return (plain or b"").decode("ascii")
    raise LookupError


def _verified(provider: Provider, client: Client, token: str, *, unsigned_will_do: bool) -> bytes:
    """The payload of a signed object, or of an unsigned one where the client may send such.

    Never inside encryption: anybody can encrypt to our key, so it says nothing of the sender (Keycloak CVE-2026-9793).
    """
    header = jws.extract_compact(token.encode()).headers()
    algorithm, kid = header.get("alg"), header.get("kid")
    if client.request_object_signing_alg not in (None, algorithm) or {"zip", "crit", "b64"} & set(header):
        raise LookupError
    if algorithm == "none":
        if not unsigned_will_do or client.require_signed_request_object or token.rpartition(".")[2]:
            raise LookupError
        return jws.extract_compact(token.encode()).payload
    if algorithm not in SIGNING_ALGORITHMS or not isinstance(kid, str | None):
        raise LookupError
    for key in client_keys.find(provider.deps, client, kid=kid, algorithm=algorithm, use="sig"):
        with suppress(JoseError):
            return jws.deserialize_compact(token, key, registry=Signatures([algorithm])).payload
    raise LookupError


def _decoded(text: str) -> bytes:
    """Raises ValueError for what is no base64url."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
