"""Making and reading signed tokens: ID tokens (OIDC Core 2) and access tokens (RFC 9068).

Keys come parsed from the keyring. Reading states the one algorithm, type and issuer that are accepted: an ID token is
never an access token, and the header of a token never chooses how it is checked (RFC 8725 3.1, 3.11).
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from joserfc import jws
from joserfc.errors import JoseError

from idp.deps import Deps
from idp.oidc import jose
from idp.oidc.jose import Signatures
from idp.oidc.keys.keyring import Key, Keyring
from idp.oidc.protocol import ACR, AMR
from idp.oidc.registration.metadata import Client
from idp.oidc.token.store import Granted

ACCESS_ALGORITHM = "ES256"
_LONGEST = 16 * 1024


@dataclass(frozen=True)
class AccessToken:
    """What a genuine, unexpired access token says."""

    grant_id: str | None
    client_id: str
    sub: str
    scope: str
    claims: dict[str, Any]


class Tokens:
    """Signs and reads with the keys of this process."""

    def __init__(self, deps: Deps, keyring: Keyring) -> None:
        self._deps = deps
        self._keyring = keyring
        self._issuer = deps.settings.issuer

    def access(self, *, sub: str, client_id: str, scope: str, granted: Granted | None) -> tuple[str, int]:
        """A signed access token and its life in seconds. granted: None for a client acting for itself."""
        now = self._deps.now()
        life = self._deps.settings.access_token_validity_minutes * 60
        claims: dict[str, Any] = {
            "iss": self._issuer,
            "sub": sub,
            "aud": self._issuer,
            "client_id": client_id,
            "iat": int(now.timestamp()),
            "exp": int(now.timestamp()) + life,
            "jti": self._deps.new_token(128),
            "scope": scope,
        }
        if granted is not None:
            claims |= {"grant": granted.grant_id, "sid": granted.sid, **_agency(granted)}
        return self._sign(claims, ACCESS_ALGORITHM, "at+jwt"), life

    def id_token(self, client: Client, granted: Granted, *, nonce: str | None, access_token: str) -> str:
        """An ID token for a client, in the algorithm that it registered."""
        now = self._deps.now()
        expires = now + timedelta(minutes=self._deps.settings.id_token_validity_minutes)
        claims: dict[str, Any] = {
            "iss": self._issuer,
            "sub": granted.account_id,
            "aud": client.id,
            "iat": int(now.timestamp()),
            "exp": int(expires.timestamp()),
            "auth_time": int(granted.authenticated_at.timestamp()),
            "acr": ACR,
            "amr": list(AMR),
            "sid": granted.sid,
            "at_hash": _half_hash(access_token),
            **_agency(granted),
        }
        if nonce is not None:
            claims["nonce"] = nonce
        if granted.memberships:
            claims["memberships"] = list(granted.memberships)
        return self._sign(claims, client.id_token_signed_response_alg, "JWT")

    def read_access(self, token: str) -> AccessToken | None:
        """The access token, or None for one that is forged, expired, of another type or meant for somebody else."""
        claims = self._verified(token, types=("at+jwt", "application/at+jwt"))
        if claims is None or claims.get("aud") != self._issuer or not _unexpired(claims, self._deps.now()):
            return None
        if not isinstance(claims.get("client_id"), str) or not isinstance(claims.get("sub"), str):
            return None
        return AccessToken(claims.get("grant"), claims["client_id"], claims["sub"], str(claims.get("scope")), claims)

    def read_id_token_hint(self, token: str) -> dict[str, Any] | None:
        """The claims of an ID token that was issued here, expired ones too; None for anything else."""
        return self._verified(token, types=("JWT",))

    def account_of_hint(self, token: str, client_id: str) -> str | None:
        """The account of an ID token that was issued here to this client; None for anything else."""
        claims = self.read_id_token_hint(token)
        return str(claims["sub"]) if claims is not None and claims.get("aud") == client_id else None

    def _sign(self, claims: dict[str, Any], algorithm: str, kind: str) -> str:
        key = self._keyring.signing(algorithm)
        header = {"alg": algorithm, "kid": key.kid, "typ": kind}
        return jose.sign(header, orjson.dumps(claims), key.jwk)

    def _verified(self, token: str, *, types: tuple[str, ...]) -> dict[str, Any] | None:
        if len(token) > _LONGEST or not token.isascii():
            return None
        try:
            header = jws.extract_compact(token.encode()).headers()
            key: Key | None = self._keyring.verifying(str(header.get("kid")))
            if key is None or header.get("typ") not in types or header.get("alg") != key.algorithm:
                return None
            payload = jws.deserialize_compact(token, key.jwk, registry=Signatures([key.algorithm])).payload
            claims = orjson.loads(payload)
        except (JoseError, ValueError):
            return None
        if not isinstance(claims, dict) or claims.get("iss") != self._issuer:
            return None
        return claims


def _agency(granted: Granted) -> dict[str, str]:
    if granted.customer_code is None or granted.company_code is None:
        return {}
    return {"client": granted.customer_code, "societe": granted.company_code}


def _unexpired(claims: dict[str, Any], now: datetime) -> bool:
    expires = claims.get("exp")
    return isinstance(expires, int) and expires > now.timestamp()


def _half_hash(token: str) -> str:
    """`at_hash`: the left half of the SHA-256 of an access token, base64url (OIDC Core 3.1.3.6)."""
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()[:16]).rstrip(b"=").decode()
