"""Keyed digests of secrets: what is stored instead of a token, a code, a network address.

Each kind of secret has its own key, derived from the master secret, so a digest of one kind can never be found where
another is looked up (an OAuth state accepted as a session id is LemonLDAP's CVE-2026-19349), and a stolen database
alone does not allow guessing short codes.
"""

from __future__ import annotations

import hmac
from enum import StrEnum


class Kind(StrEnum):
    """What a digest is of. The value is part of the key: renaming one voids what is stored."""

    SESSION = "session"
    BROWSER = "browser"
    DEVICE = "device"
    CSRF = "csrf"
    LINK = "link"
    LINK_CODE = "link-code"
    AUTHORIZATION_CODE = "authorization-code"
    REFRESH_TOKEN = "refresh-token"
    REFRESH_SUCCESSOR = "refresh-successor"
    CLIENT_SECRET = "client-secret"
    CLIENT_SECRET_ENCRYPTION = "client-secret-encryption"
    INITIAL_ACCESS_TOKEN = "initial-access-token"
    REGISTRATION_TOKEN = "registration-token"
    REPLAY_GUARD = "replay-guard"
    ACCESS_TOKEN = "access-token"
    PAIRWISE = "pairwise"
    SESSION_STATE = "session-state"
    PASSWORD = "password"
    PROVISIONAL_PASSWORD = "provisional-password"
    THROTTLE = "throttle"
    NETWORK = "network"
    ADDRESS = "address"
    KEY_ENCRYPTION = "key-encryption"
    LETTER_ENCRYPTION = "letter-encryption"
    AUDIT_EVENT = "audit-event"
    AUDIT_LINK = "audit-link"
    AUDIT_ANCHOR = "audit-anchor"


class Digests:
    """HMAC-SHA256 under one derived key a kind."""

    def __init__(self, master: str) -> None:
        self._keys = {kind: hmac.digest(master.encode(), f"idp/{kind}".encode(), "sha256") for kind in Kind}
        self._keyed = {kind: hmac.new(key, digestmod="sha256") for kind, key in self._keys.items()}

    def digest(self, kind: Kind, value: str) -> str:
        """Lowercase hex, 64 characters."""
        started = self._keyed[kind].copy()  # beginning with the key takes longer than all the rest; a sign-in makes 24
        started.update(value.encode("utf-8", "surrogatepass"))
        return started.hexdigest()

    def key(self, kind: Kind) -> bytes:
        """The 32-byte key itself, for encryption at rest."""
        return self._keys[kind]


def same(a: str, b: str) -> bool:
    """Equality in a time that does not depend on where the strings differ."""
    return hmac.compare_digest(a.encode("utf-8", "surrogatepass"), b.encode("utf-8", "surrogatepass"))
