"""Encrypting what is answered to a client with the client's own key (OIDC Core 10.2; RFC 7516).

The signature is inside, the encryption outside (RFC 7519 11.2): whoever cannot open it learns nothing of the person.
"""

from __future__ import annotations

from joserfc import jwe

from idp.deps import Deps
from idp.oidc.protocol import ProtocolError
from idp.oidc.registration import client_keys
from idp.oidc.registration.metadata import DEFAULT_CONTENT_ENCRYPTION, Client


def encrypted(
    deps: Deps, client: Client, plain: bytes, *, algorithm: str | None, encryption: str | None, content: str | None
) -> str:
    """The text encrypted for the client in compact form; as it is when the client registered no algorithm.

    content: the `cty` of the header, `JWT` for something signed. Raises ProtocolError server_error when the client's
    key cannot be had: nothing is sent in clear instead.
    """
    if algorithm is None:
        return plain.decode()
    keys = client_keys.find(deps, client, kid=None, algorithm=algorithm, use="enc")
    if not keys:
        raise ProtocolError("server_error", "the client has no usable encryption key", status=503)
    key, chosen = keys[0], encryption or DEFAULT_CONTENT_ENCRYPTION
    header = {"alg": algorithm, "enc": chosen, **({"cty": content} if content else {})}
    if key.kid is not None:
        header["kid"] = key.kid
    return jwe.encrypt_compact(header, plain, key, algorithms=[algorithm, chosen])
