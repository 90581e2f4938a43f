"""What the endpoints share: dependencies, keys, and tokens made with them. One value, made by `app.py`."""

from __future__ import annotations

from dataclasses import dataclass, field

from idp.deps import Deps
from idp.oidc.keys.keyring import Keyring
from idp.oidc.registration.metadata import Client
from idp.oidc.subjects import subject
from idp.oidc.token.tokens import Tokens


@dataclass(frozen=True)
class Provider:
    """Deps, keyring and tokens: what the steps of the protocol need."""

    deps: Deps
    keyring: Keyring = field(repr=False)
    tokens: Tokens = field(repr=False)

    @staticmethod
    def of(deps: Deps) -> Provider:
        keyring = Keyring(deps)
        return Provider(deps, keyring, Tokens(deps, keyring))

    def subject(self, client: Client, account_id: str) -> str:
        """What a client knows an account as."""
        return subject(self.deps.digests, client, account_id)
