"""One attempt to sign in: its `state`, `nonce` and PKCE verifier, all derived from one browser key.

The usual places for these three values fail people: one slot in the session loses the first of two tabs, a slot for
each tab grows until the browser drops the cookie, and an hour's life is too short for someone who must first find a
letter and open a mail. So nothing is kept: `state` carries its own date and target, signed for this browser alone, and
the two secrets are computed again from it when the answer comes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import timedelta

from itsdangerous import BadSignature, URLSafeTimedSerializer

# As long as the provider keeps a pending authorization: a new account may wait for a mail until tomorrow.
LIFETIME = timedelta(days=3)


class AttemptUnknown(Exception):
    """Not an attempt of this browser, or too old."""


@dataclass(frozen=True)
class Attempt:
    """target: the path in this portal to go on to. code_verifier: 43 characters (RFC 7636 4.1)."""

    state: str
    target: str
    nonce: str
    code_verifier: str = field(repr=False)


class Attempts:
    """Begins and recognises attempts. secret_key: the portal's; it never leaves, so no one else can make a `state`."""

    def __init__(self, secret_key: str) -> None:
        self._key = secret_key.encode()

    def begin(self, browser_key: str, target: str) -> Attempt:
        """A new attempt of a browser. browser_key: the random value of its long-lived cookie."""
        state = self._serializer(browser_key).dumps([secrets.token_urlsafe(16), target])
        return self._attempt(browser_key, state, target)

    def recognise(self, browser_key: str, state: str) -> Attempt:
        """The attempt of a `state` that came back. Raises AttemptUnknown for another browser's, forged or old one."""
        try:
            _, target = self._serializer(browser_key).loads(state, max_age=int(LIFETIME.total_seconds()))
        except BadSignature:
            raise AttemptUnknown() from None
        return self._attempt(browser_key, state, target)

    def form_token(self, browser_key: str) -> str:
        """What a form of this browser must carry, so that another site cannot post it."""
        return self._derive("form", browser_key)

    def _attempt(self, browser_key: str, state: str, target: str) -> Attempt:
        return Attempt(
            state=state,
            target=target,
            nonce=self._derive("nonce", browser_key, state),
            code_verifier=self._derive("code_verifier", browser_key, state),
        )

    def _derive(self, purpose: str, *values: str) -> str:
        message = "\0".join((purpose, *values)).encode()
        return base64.urlsafe_b64encode(hmac.digest(self._key, message, "sha256")).rstrip(b"=").decode()

    def _serializer(self, browser_key: str) -> URLSafeTimedSerializer:
        # The default of itsdangerous is still SHA-1.
        how = {"digest_method": hashlib.sha256, "key_derivation": "hmac"}
        return URLSafeTimedSerializer(self._key, salt=f"attempt/{browser_key}", signer_kwargs=how)
