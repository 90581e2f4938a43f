"""What an act of an upgrade may come to; `idp.journey` knows which page follows."""

from __future__ import annotations

from dataclasses import dataclass, field

from idp.upgrade.flow import UpgradeFlow


@dataclass(frozen=True)
class UpgradeAt:
    """The flow is here now: go to the page of its state."""

    flow: UpgradeFlow
    browser_digest: str


@dataclass(frozen=True)
class UpgradeCompleted:
    """The account is up to date and this browser is signed in. here: it is the browser that started the flow."""

    flow: UpgradeFlow
    session_token: str = field(repr=False)
    here: bool

    @property
    def proven(self) -> str | None:
        """Canonical key of the address that the person has."""
        return self.flow.email_key


Outcome = UpgradeAt | UpgradeCompleted
