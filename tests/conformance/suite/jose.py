"""JOSE on the relying party's side: its keys, what it signs, and what it reads of the provider's tokens."""

from __future__ import annotations

import base64
import functools
import json
import time
import uuid
from dataclasses import dataclass
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, KeySet, OctKey, RSAKey

from tests.conformance.suite.findings import ensure, refute

_SIGNATURES = ["RS256", "PS256", "ES256", "ES384", "EdDSA", "Ed25519", "HS256"]


@dataclass(frozen=True)
class Token:
    """A compact JWT, read and not yet believed."""

    text: str
    header: dict[str, Any]
    claims: dict[str, Any]


def read(text: object) -> Token:
    """Raises Refuted when the text is no compact JWS of two JSON objects."""
    if not isinstance(text, str) or text.count(".") != 2:
        refute(f"not a compact JWS: {text!r}")
    try:
        header, claims = (json.loads(_decoded(part)) for part in text.split(".")[:2])
    except ValueError as error:
        refute(f"not a compact JWS: {error}")
    ensure(isinstance(header, dict) and isinstance(claims, dict), "header and claims must be JSON objects")
    return Token(text, header, claims)


def verify(token: Token, keys: list[dict[str, Any]]) -> None:
    """One of the keys signed the token. Raises Refuted."""
    for key in keys:
        try:
            jws.deserialize_compact(token.text, JWKRegistry.import_key(key), algorithms=[token.header.get("alg", "")])
            return
        except (JoseError, ValueError):
            continue
    refute(f"no key verifies the signature ({token.header})")


@functools.lru_cache
def key_pair(number: int = 0) -> RSAKey:
    """The relying party's keys, made once a process: making one takes longer than most modules."""
    return RSAKey.generate_key(2048, {"kid": f"rp-{number}-{uuid.uuid4()}", "use": "sig", "alg": "RS256"})


def public(*keys: RSAKey) -> dict[str, Any]:
    return {"keys": [key.as_dict(private=False) for key in keys]}


def signed(claims: dict[str, Any], key: RSAKey | OctKey, algorithm: str = "RS256") -> str:
    header = {"alg": algorithm} | ({"kid": key.kid} if isinstance(key, RSAKey) and key.kid else {})
    return jwt.encode(header, claims, key, algorithms=[algorithm])


def unsigned(claims: dict[str, Any]) -> str:
    """With alg none, which no library does gladly."""
    return f"{_encoded({'alg': 'none'})}.{_encoded(claims)}."


def assertion(client_id: str, audience: str) -> dict[str, Any]:
    """The claims of a client assertion (OIDC Core 9), valid for a minute."""
    now = int(time.time())
    return {
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "jti": str(uuid.uuid4()),
        "iat": now,
        "exp": now + 60,
    }


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _encoded(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


__all__ = [
    "KeySet",
    "OctKey",
    "RSAKey",
    "Token",
    "assertion",
    "key_pair",
    "public",
    "read",
    "signed",
    "unsigned",
    "verify",
]
