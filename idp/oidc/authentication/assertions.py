"""A JWT with which a client proves itself: its form, its signature, what it must say. Pure.

Sources: RFC 7523 3, OIDC Core 9, RFC 8725; draft-ietf-oauth-rfc7523bis for the audience (decision 0010).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard

import orjson
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from idp.oidc import jose
from idp.oidc.registration.jwks import PublicKey
from idp.oidc.registration.metadata import AUTH_SIGNING_ALGORITHMS, Client

LONGEST = 8192
# Clocks differ; what is signed ten seconds ahead is normal, a minute is not (FAPI 2 5.3.2.1).
SKEW_SECONDS = 30
# Libraries take an hour when nobody tells them otherwise. An assertion is taken once, so a long life buys little.
LONGEST_LIFE_SECONDS = 3600
_TYPES = (None, "jwt", "client-authentication+jwt")
# A header must not choose the key or change what is signed (RFC 8725 3.10); nothing here is critical to us.
_REFUSED = frozenset({"jwk", "jku", "x5u", "x5c", "crit", "b64", "zip"})


class AssertionRefused(Exception):
    """Why, for the log; the client is told the same for every reason."""


@dataclass(frozen=True)
class Unverified:
    """What an assertion says of itself. Nothing of it is proven."""

    algorithm: str
    kid: str | None
    subject: str
    token: str = field(repr=False)


def read(token: str) -> Unverified:
    """The header, and whom it is about. Raises AssertionRefused."""
    if len(token) > LONGEST or not token.isascii() or token.count(".") != 2:
        raise AssertionRefused("it is no compact JWS")
    header, payload = (_json(part) for part in token.split(".")[:2])
    if _REFUSED & set(header):
        raise AssertionRefused("its header holds what may not be there")
    algorithm, kid, kind = header.get("alg"), header.get("kid"), header.get("typ")
    if not isinstance(algorithm, str) or not isinstance(kid, str | None):
        raise AssertionRefused("its header is malformed")
    if (kind.lower() if isinstance(kind, str) else kind) not in _TYPES:
        raise AssertionRefused("it was made for another purpose")
    subject = payload.get("sub")
    if not isinstance(subject, str):
        raise AssertionRefused("sub is missing")
    return Unverified(algorithm, kid, subject, token)


def algorithms(client: Client) -> tuple[str, ...]:
    """The algorithms that a client may prove itself with; none when it registered another way."""
    known = AUTH_SIGNING_ALGORITHMS.get(client.token_endpoint_auth_method, ())
    chosen = client.token_endpoint_auth_signing_alg
    return known if chosen is None else tuple(one for one in known if one == chosen)


def verified(assertion: Unverified, keys: Iterable[PublicKey | OctKey]) -> Mapping[str, Any]:
    """The claims, signed with one of the client's keys in the algorithm of the header. Raises AssertionRefused.

    The algorithm must have been found among the client's before, so that a public key is never taken for a secret.
    """
    for key in keys:
        try:
            jws.deserialize_compact(assertion.token, key, registry=jose.Signatures([assertion.algorithm]))
        except (JoseError, ValueError, TypeError):
            continue
        return _json(assertion.token.split(".")[1])
    raise AssertionRefused("no key of the client fits its signature")


def require(claims: Mapping[str, Any], client_id: str, *, audiences: Iterable[str], now: float) -> tuple[str, float]:
    """Its `jti` and when it expires, once everything it says is right. Raises AssertionRefused.

    audiences: the names of this provider, of which it must hold one and nothing else: a second one could be that of
    somebody who passes it on (rfc7523bis). now: seconds.
    """
    if claims.get("iss") != client_id or claims.get("sub") != client_id:
        raise AssertionRefused("iss and sub must be the client_id")
    audience = claims.get("aud")
    if isinstance(audience, list) and len(audience) == 1:
        audience = audience[0]
    if audience not in tuple(audiences):
        raise AssertionRefused("aud is not this provider alone")
    expires = claims.get("exp")
    if not _instant(expires) or not now - SKEW_SECONDS < expires <= now + LONGEST_LIFE_SECONDS + SKEW_SECONDS:
        raise AssertionRefused("exp is missing, past or too far ahead")
    for name in ("iat", "nbf"):
        if name in claims and (not _instant(claims[name]) or claims[name] > now + SKEW_SECONDS):
            raise AssertionRefused(f"{name} lies ahead")
    if "iat" in claims and claims["iat"] < now - LONGEST_LIFE_SECONDS - SKEW_SECONDS:
        raise AssertionRefused("iat is too long ago")
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 1 <= len(jti) <= 500:
        raise AssertionRefused("jti is missing or too long")
    return jti, float(expires)


def _json(part: str) -> Mapping[str, Any]:
    """A segment that holds an object. Raises AssertionRefused."""
    try:
        found = orjson.loads(base64.b64decode(part.replace("-", "+").replace("_", "/") + "=" * (-len(part) % 4)))
    except (binascii.Error, ValueError):
        raise AssertionRefused("it is malformed") from None
    if not isinstance(found, dict):
        raise AssertionRefused("it is malformed")
    return found


def _instant(value: Any) -> TypeGuard[float]:
    """A number of seconds; true and false are numbers to Python, and NaN is not JSON."""
    return isinstance(value, int | float) and not isinstance(value, bool)
