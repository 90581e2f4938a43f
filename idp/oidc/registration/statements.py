"""Software statements: a JWT in which an issuer that is trusted here vouches for what a client says of itself.

What the statement says goes before what stands beside it, and it is told back as it came (RFC 7591 2.3, 3.1.1, 3.2.1).
Nobody is trusted unless the setting `software_statement_keys_file` names them with their keys, so nothing is fetched.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
from joserfc import jws
from joserfc.errors import JoseError

from idp.oidc.jose import SIGNATURES, Signatures
from idp.oidc.registration import jwks
from idp.oidc.registration.document import MetadataRefused

LONGEST = 16 * 1024
_SKEW_SECONDS = 60
_OF_THE_JWT = frozenset({"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "software_statement"})
# A header must not choose the key or change what is signed (RFC 8725 3.10).
_REFUSED = frozenset({"jwk", "jku", "x5u", "x5c", "crit", "b64", "zip"})


@lru_cache(maxsize=4)
def issuers(file: str) -> Mapping[str, Any]:
    """The key set of each trusted issuer, by its name. file: JSON, empty for none. Raises ValueError, OSError."""
    try:
        trusted = orjson.loads(Path(file).read_bytes()) if file else {}
    except orjson.JSONDecodeError as error:
        raise ValueError(f"software_statement_keys_file: {error}") from None
    if not isinstance(trusted, dict):
        raise ValueError("software_statement_keys_file: an object of issuers is expected")  # noqa: TRY004 - a setting
    for name, keys in trusted.items():
        if why := jwks.problem(keys):
            raise ValueError(f"software_statement_keys_file: {name}: {why}")
    return trusted


def unpack(document: object, *, file: str, audience: str, now: float) -> object:
    """The document with what its statement vouches for in place; as it is when it has none.

    audience: the name of this provider, which a statement that names any must name. now: seconds. Raises
    MetadataRefused with the errors of RFC 7591 3.2.2.
    """
    statement = document.get("software_statement") if isinstance(document, Mapping) else None
    if statement is None or not isinstance(document, Mapping):
        return document
    claims = _verified(statement, issuers(file))
    if not _timely(claims, now) or not _addressed(claims.get("aud", audience), audience):
        raise _invalid("it is expired, not valid yet or meant for somebody else")
    vouched = {name: value for name, value in claims.items() if name not in _OF_THE_JWT}
    return {**document, **vouched}


def _verified(statement: object, trusted: Mapping[str, Any]) -> Mapping[str, Any]:
    """Its claims, signed by the issuer that it names. Raises MetadataRefused."""
    if not isinstance(statement, str) or len(statement) > LONGEST or not statement.isascii():
        raise _invalid("a signed JWT is expected")
    try:
        unverified = jws.extract_compact(statement.encode(), registry=Signatures(SIGNATURES))
        header, claims = unverified.headers(), orjson.loads(unverified.payload)
    except (JoseError, ValueError):
        raise _invalid("a signed JWT is expected") from None
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(claims, dict) or _REFUSED & set(header) or not isinstance(kid, str | None):
        raise _invalid("its header or its claims are not acceptable")
    issuer = claims.get("iss")
    if not isinstance(issuer, str) or issuer not in trusted:
        raise MetadataRefused("unapproved_software_statement", "software_statement: its issuer is not trusted here")
    keys = jwks.members(trusted[issuer]) or []
    if algorithm in SIGNATURES:
        for key in jwks.fitting(keys, kid=kid, algorithm=algorithm, use="sig"):
            with suppress(JoseError):
                jws.deserialize_compact(statement, key, registry=Signatures([algorithm]))
                return claims
    raise _invalid("no key of its issuer fits its signature")


def _timely(claims: Mapping[str, Any], now: float) -> bool:
    expires, begins = claims.get("exp"), claims.get("nbf")
    still = expires is None or (_number(expires) and expires > now - _SKEW_SECONDS)
    return still and (begins is None or (_number(begins) and begins <= now + _SKEW_SECONDS))


def _addressed(audience: object, name: str) -> bool:
    return name in audience if isinstance(audience, list) else name == audience


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _invalid(why: str) -> MetadataRefused:
    return MetadataRefused("invalid_software_statement", f"software_statement: {why}")
