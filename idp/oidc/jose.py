"""JOSE as this provider uses it: joserfc with our algorithms, and no other, under the names that portals know.

`EdDSA` is the name in every portal's software and in the registry of JOSE; RFC 9864 would have it called `Ed25519`,
for which joserfc warns at each use of the old name. Here `EdDSA` means Ed25519 and nothing else, which is what that
RFC is after: we sign as `EdDSA`, and take either name from a portal.
"""

from __future__ import annotations

import base64
import binascii
import copy
from collections.abc import Collection
from typing import Any, ClassVar, Final

import orjson
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

SIGNATURES = ("RS256", "PS256", "ES256", "EdDSA")
ENCRYPTIONS = ("RSA-OAEP-256", "ECDH-ES")
_ED25519: Final = "Ed25519"
_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")

PrivateKey = RSAKey | ECKey | OKPKey


def _named(name: str) -> Any:
    algorithm = copy.copy(JWSRegistry.algorithms[_ED25519])
    algorithm.name = name
    return algorithm


class Signatures(JWSRegistry):
    """joserfc's registry with our names. algorithms: those of SIGNATURES that are allowed here and now."""

    algorithms: ClassVar[dict[str, Any]] = {  # type: ignore[misc]
        **JWSRegistry.algorithms,
        "EdDSA": _named("EdDSA"),
    }
    # A header with a key in it (RSA 4096: 1004 characters) is over joserfc's 512; whether it is taken is decided by us.
    max_header_length = 4096

    def __init__(self, algorithms: Collection[str]) -> None:
        allowed = {*algorithms, _ED25519} if "EdDSA" in algorithms else set(algorithms)
        if not allowed:
            raise ValueError("joserfc takes no algorithms at all for its own choice of them")
        super().__init__(algorithms=allowed)


class Signer:
    """Signs with one key and one algorithm, by joserfc's own code for it.

    Whether key and algorithm fit is looked at once: joserfc's `serialize_compact` does so for each signature, through a
    registry, a table of operations and classes that ask who belongs to them, and takes longer than an ES256 signature.
    """

    def __init__(self, jwk: PrivateKey, algorithm: str, kid: str) -> None:
        """algorithm: one of SIGNATURES. Raises JoseError for a key that does not fit it."""
        self._how = Signatures.algorithms[algorithm]
        self._how.check_key(jwk)
        self._key = _Checked(jwk)
        self._header = {"alg": algorithm, "kid": kid}
        self._headers: dict[str, bytes] = {}

    def sign(self, payload: bytes, kind: str) -> str:
        """A compact JWS. kind: the `typ` of its header, which is the same for all of a kind."""
        header = self._headers.get(kind)
        if header is None:
            header = self._headers[kind] = encoded(orjson.dumps({**self._header, "typ": kind}))
        signed = header + b"." + encoded(payload)
        return (signed + b"." + encoded(self._how.sign(signed, self._key))).decode()


class _Checked:
    """What joserfc asks of a key when it signs."""

    def __init__(self, jwk: PrivateKey) -> None:
        self._private = jwk.get_op_key("sign")
        if isinstance(jwk, ECKey):
            self.curve_key_size = jwk.curve_key_size

    def get_op_key(self, _operation: str) -> Any:
        return self._private


def named(token: str) -> dict[str, Any]:
    """The header of a compact JWS, not verified; empty when it is no object. Raises ValueError when it is no JSON."""
    header = orjson.loads(_decoded(token.partition(".")[0]))
    return header if isinstance(header, dict) else {}


def verified(token: str, algorithm: str, jwk: PrivateKey) -> bytes:
    """The payload of a compact JWS that one of our own keys signed with its algorithm. Raises ValueError.

    For what we sign ourselves: of its header nothing is followed. What others sign goes through joserfc whole.
    """
    signed, _, signature = token.rpartition(".")
    if signed.count(".") != 1 or not Signatures.algorithms[algorithm].verify(signed.encode(), _decoded(signature), jwk):
        raise ValueError("the signature does not fit")
    return _decoded(signed.partition(".")[2])


def encoded(raw: bytes) -> bytes:
    """base64url without padding. By what `base64` itself calls, of which a token response has seven."""
    return binascii.b2a_base64(raw, newline=False).rstrip(b"=").translate(_URL_SAFE)


def _decoded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def generate(algorithm: str) -> PrivateKey:
    """A new key pair for one algorithm, and for no other (RFC 8725 3.1). RSA: 2048 bits, some 60 ms."""
    if algorithm in ("RS256", "PS256", "RSA-OAEP-256"):
        return RSAKey.generate_key(2048)
    return OKPKey.generate_key(_ED25519) if algorithm == "EdDSA" else ECKey.generate_key("P-256")


def parsed(private_jwk: dict[str, Any]) -> PrivateKey:
    """The key of a stored JWK. An RSA key takes 40 ms, a hundred signatures."""
    kinds: dict[str, type[RSAKey] | type[ECKey] | type[OKPKey]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
    return kinds[private_jwk["kty"]].import_key(private_jwk)


_PUBLIC = ("kty", "crv", "x", "y", "n", "e")  # of RSA, EC and OKP keys; whatever else there is stays here


def public(private_jwk: dict[str, Any]) -> dict[str, Any]:
    """The public half of a JWK."""
    return {name: private_jwk[name] for name in _PUBLIC if name in private_jwk}
