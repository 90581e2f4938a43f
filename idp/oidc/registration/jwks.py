"""Key sets of clients: what may be registered, and which keys of a set fit an algorithm. Pure.

A key that does not fit is as good as absent, as RFC 7517 5 wants; a private or symmetric one in a registration is
refused whole, since whoever sent it does not know what it is worth.
Sources: RFC 7517, RFC 7518, RFC 8725 3.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.util import base64_to_int

PublicKey = RSAKey | ECKey | OKPKey
Use = Literal["sig", "enc"]

MOST_KEYS = 30
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_RSA_BITS = range(2048, 8192 + 1)
# A public exponent as large as the modulus makes one verification cost a hundred.
_LARGEST_EXPONENT = 1 << 32
# The types and curves that each algorithm works with (RFC 7518 3.1 and 4.1, RFC 8037).
_FITS: Mapping[str, frozenset[tuple[str, str | None]]] = {
    "RS256": frozenset({("RSA", None)}),
    "PS256": frozenset({("RSA", None)}),
    "ES256": frozenset({("EC", "P-256")}),
    "EdDSA": frozenset({("OKP", "Ed25519")}),
    "RSA-OAEP-256": frozenset({("RSA", None)}),
    "ECDH-ES": frozenset({("EC", "P-256"), ("EC", "P-384"), ("EC", "P-521"), ("OKP", "X25519")}),
}
_SAME_NAME = {"Ed25519": "EdDSA"}  # RFC 9864's name of it
_MEMBERS = ("kty", "crv", "x", "y", "n", "e", "kid")
_OPERATIONS = {"sig": {"verify"}, "enc": {"encrypt", "wrapKey", "deriveKey", "deriveBits"}}


def problem(document: object) -> str | None:
    """Why a key set may not be registered; None when it may."""
    keys = members(document)
    if keys is None:
        return "an object with an array of keys is expected (RFC 7517 5)"
    if len(keys) > MOST_KEYS:
        return f"{MOST_KEYS} keys at most"
    if any(_PRIVATE & set(key) or key.get("kty") == "oct" for key in keys):
        return "it holds a private or symmetric key, which nobody else may know: make new ones"
    named = [key["kid"] for key in keys if "kid" in key]
    if not all(isinstance(kid, str) and 0 < len(kid) <= 200 for kid in named):
        return "a kid is a text of 200 characters at most"
    if len(set(named)) != len(named):
        return "two keys have the same kid"
    if not any(_known(key) for key in keys):
        return f"no usable key: RSA of {_RSA_BITS.start} bits and more, P-256, P-384, P-521, Ed25519 or X25519"
    return None


def members(document: object) -> list[Mapping[str, Any]] | None:
    """The keys of a set as they are; None when it is no set."""
    keys = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(keys, Sequence) or isinstance(keys, str) or not all(isinstance(key, Mapping) for key in keys):
        return None
    return list(keys)


def kept(document: object) -> object:
    """What is stored of a set: its keys, without what keys do not hold; as it is when it is no set."""
    keys = members(document)
    if keys is None:
        return document
    return {"keys": [{name: value for name, value in key.items() if _ordinary(value)} for key in keys]}


def _ordinary(value: object) -> bool:
    texts = value if isinstance(value, list) else [value]
    return all(isinstance(one, str | bool) and "\x00" not in str(one) for one in texts)


def fitting(keys: Sequence[Mapping[str, Any]], *, kid: str | None, algorithm: str, use: Use) -> list[PublicKey]:
    """The public keys of a set that fit: all of them when no `kid` is named, those of that `kid` otherwise."""
    fits = _FITS.get(algorithm, frozenset())
    return [
        parsed
        for key in keys[:MOST_KEYS]
        if (kid is None or key.get("kid") == kid)
        and _type(key) in fits
        and _meant(key, algorithm, use)
        and (parsed := _known(key)) is not None
    ]


def _type(key: Mapping[str, Any]) -> tuple[str, str | None] | None:
    """Type and curve; None when they are not even texts."""
    kind, curve = key.get("kty"), key.get("crv")
    return (kind, curve) if isinstance(kind, str) and isinstance(curve, str | None) else None


def _meant(key: Mapping[str, Any], algorithm: str, use: Use) -> bool:
    """Whether what the key says of itself allows this (RFC 7517 4.2 to 4.4)."""
    named = key.get("alg", algorithm)
    operations = key.get("key_ops")
    if key.get("use", use) != use or (_SAME_NAME.get(named, named) if isinstance(named, str) else None) != algorithm:
        return False
    return operations is None or (isinstance(operations, list) and any(one in _OPERATIONS[use] for one in operations))


def _known(key: Mapping[str, Any]) -> PublicKey | None:
    """The parsed public key; None for one of another type, malformed, too weak, too costly, or with private parts."""
    if _PRIVATE & set(key) or not any(_type(key) in fits for fits in _FITS.values()):
        return None
    chosen = {name: key[name] for name in _MEMBERS if name in key}
    if not all(isinstance(value, str) and len(value) <= 2000 for value in chosen.values()):
        return None
    return _parsed(json.dumps(chosen, sort_keys=True))


@lru_cache(maxsize=500)
def _parsed(text: str) -> PublicKey | None:
    members = json.loads(text)
    kinds: dict[str, type[RSAKey] | type[ECKey] | type[OKPKey]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
    try:
        if members["kty"] == "RSA" and not _bearable(members["n"], members["e"]):
            return None
        key = kinds[members["kty"]].import_key(members)
        _ = key.public_key  # a point that is not on its curve is found out here
    except (JoseError, ValueError, TypeError, LookupError):
        return None
    return key


def _bearable(modulus: str, exponent: str) -> bool:
    """Whether an RSA key is neither weak nor made to cost us time, before it is parsed. Raises ValueError."""
    n, e = base64_to_int(modulus), base64_to_int(exponent)
    return n.bit_length() in _RSA_BITS and e < _LARGEST_EXPONENT
