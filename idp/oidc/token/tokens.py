"""Making and reading tokens: ID tokens (OIDC Core 2) and signed access tokens (RFC 9068).

Keys come parsed from the keyring. Reading states the one algorithm, type and issuer that are accepted: an ID token is
never an access token, and the header of a token never chooses how it is checked (RFC 8725 3.1, 3.11).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from idp.deps import Deps
from idp.oidc import jose
from idp.oidc.keys.keyring import Key, Keyring
from idp.oidc.protocol import ACR, AMR
from idp.oidc.registration.metadata import Client
from idp.oidc.subjects import subject
from idp.oidc.token import envelopes
from idp.oidc.token.genuine import Genuine, Remembered
from idp.oidc.token.store import Granted

ACCESS_ALGORITHM = "ES256"
_LONGEST = 16 * 1024


@dataclass(frozen=True)
class AccessToken:
    """What a genuine, unexpired access token says. claims: as introspection tells them."""

    grant_id: str | None
    client_id: str
    sub: str
    scope: str
    claims: Mapping[str, Any]


class Tokens:
    """Signs and reads with the keys of this process."""

    def __init__(self, deps: Deps, keyring: Keyring) -> None:
        self._deps = deps
        self._keyring = keyring
        self._issuer = deps.settings.issuer
        self._remembered = Remembered()

    @property
    def access_seconds(self) -> int:
        """The life of an access token."""
        return self._deps.settings.access_token_validity_minutes * 60

    def access(self, *, sub: str, client_id: str, scope: str, audience: Sequence[str], granted: Granted | None) -> str:
        """A signed access token. audience: who may accept it. granted: None for a client acting for itself."""
        now = int(self._deps.now().timestamp())
        claims: dict[str, Any] = {
            "iss": self._issuer,
            "sub": sub,
            "aud": audience[0] if len(audience) == 1 else list(audience),
            "client_id": client_id,
            "iat": now,
            "exp": now + self.access_seconds,
            "jti": self._deps.new_token(128),
            "scope": scope,
        }
        if granted is not None:
            claims |= {"grant": granted.grant_id, "sid": granted.sid, **_agency(granted)}
        return self.signed(claims, ACCESS_ALGORITHM, "at+jwt")

    def id_token(
        self,
        client: Client,
        granted: Granted,
        *,
        nonce: str | None,
        access_token: str | None = None,
        code: str | None = None,
        about: Mapping[str, Any] | None = None,
    ) -> str:
        """An ID token for a client, signed and encrypted as it registered.

        access_token, code: what is answered beside it, bound by their hashes (OIDC Core 3.3.2.11). about: claims of
        the person that were asked for in the ID token.
        """
        now = self._deps.now()
        expires = now + timedelta(minutes=self._deps.settings.id_token_validity_minutes)
        algorithm = self._id_token_algorithm(client)
        claims: dict[str, Any] = {
            **(about or {}),
            "iss": self._issuer,
            "sub": subject(self._deps.digests, client, granted.account_id),
            "aud": client.id,
            "iat": int(now.timestamp()),
            "exp": int(expires.timestamp()),
            "auth_time": int(granted.authenticated_at.timestamp()),
            "acr": ACR,
            "amr": list(AMR),
            "sid": granted.sid,
            **_agency(granted),
        }
        if nonce:
            claims["nonce"] = nonce
        if access_token is not None and algorithm != "none":
            claims["at_hash"] = _half_hash(access_token, algorithm)
        if code is not None and algorithm != "none":
            claims["c_hash"] = _half_hash(code, algorithm)
        if granted.memberships and client.first_party:
            claims.setdefault("memberships", list(granted.memberships))
        return envelopes.encrypted(
            self._deps,
            client,
            self.signed(claims, algorithm, "JWT").encode(),
            algorithm=client.id_token_encrypted_response_alg,
            encryption=client.id_token_encrypted_response_enc,
            content="JWT",
        )

    def signed(self, claims: Mapping[str, Any], algorithm: str, kind: str) -> str:
        """Claims as a JWT of a type, signed with the key whose turn it is; `none` makes an unsigned one."""
        if algorithm == "none":
            unsigned = jose.encoded(orjson.dumps({"alg": "none", "typ": kind})), jose.encoded(orjson.dumps(claims))
            return b".".join((*unsigned, b"")).decode()
        key = self._keyring.signing(algorithm)
        return key.sign(orjson.dumps(claims), kind)

    def read_access(self, token: str) -> AccessToken | None:
        """The access token, or None for one that is forged, expired or of another type."""
        claims = self._verified(token, types=("at+jwt", "application/at+jwt"))
        if claims is None or not _unexpired(claims, self._deps.now()):
            return None
        if not isinstance(claims.get("client_id"), str) or not isinstance(claims.get("sub"), str):
            return None
        return AccessToken(claims.get("grant"), claims["client_id"], claims["sub"], str(claims.get("scope")), claims)

    def read_id_token_hint(self, token: str) -> Mapping[str, Any] | None:
        """The claims of an ID token that was issued here, expired ones too; None for anything else."""
        return self._verified(token, types=("JWT",))

    def subject_of_hint(self, token: str, client_id: str) -> str | None:
        """Whom an ID token that was issued here to this client is about; None for anything else."""
        claims = self.read_id_token_hint(token)
        return str(claims["sub"]) if claims is not None and claims.get("aud") == client_id else None

    def _id_token_algorithm(self, client: Client) -> str:
        """As registered. Unsigned ones end with the setting that allowed them."""
        algorithm = client.id_token_signed_response_alg
        return "RS256" if algorithm == "none" and not self._deps.settings.unsigned_id_tokens_allowed else algorithm

    def _verified(self, token: str, *, types: tuple[str, ...]) -> Mapping[str, Any] | None:
        if len(token) > _LONGEST or not token.isascii():
            return None
        genuine = self._remembered.get(token)
        if genuine is None:
            genuine = self._checked(token)
            if genuine is None:
                return None
            self._remembered.put(token, genuine)
        elif not self._keyring.still_verifies(genuine.key):
            return None
        if genuine.kind not in types or genuine.claims.get("iss") != self._issuer:
            return None
        return genuine.claims

    def _checked(self, token: str) -> Genuine | None:
        """What a token says whose signature fits one of our keys; None for any other."""
        try:
            header = jose.named(token)
            key: Key | None = self._keyring.verifying(str(header.get("kid")))
            if key is None or header.get("alg") != key.algorithm:
                return None
            claims = orjson.loads(jose.verified(token, key.algorithm, key.jwk))
        except ValueError:
            return None
        return Genuine(key, str(header.get("typ")), claims) if isinstance(claims, dict) else None


def _agency(granted: Granted) -> dict[str, str]:
    if granted.customer_code is None or granted.company_code is None:
        return {}
    return {"client": granted.customer_code, "societe": granted.company_code}


def _unexpired(claims: Mapping[str, Any], now: datetime) -> bool:
    expires = claims.get("exp")
    return isinstance(expires, int) and expires > now.timestamp()


def _half_hash(value: str, algorithm: str) -> str:
    """`at_hash`, `c_hash`: the left half of the digest that goes with the algorithm, base64url (OIDC Core 3.1.3.6)."""
    made = hashlib.sha512 if algorithm == "EdDSA" else hashlib.sha256
    raw = made(value.encode()).digest()
    return jose.encoded(raw[: len(raw) // 2]).decode()
