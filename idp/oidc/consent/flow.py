"""What a consent covers, and how what is asked for is told. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from idp.oidc.registration.metadata import Client

# OIDC Core 5.4: the claims that a scope asks for. What is allowed by a scope needs no second question by name.
CLAIMS_OF = {
    "profile": frozenset(
        {
            *("name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile"),
            *("picture", "website", "gender", "birthdate", "zoneinfo", "locale", "updated_at"),
            *("civility", "company_name"),
        }
    ),
    "email": frozenset({"email", "email_verified"}),
    "address": frozenset({"address"}),
    "phone": frozenset({"phone_number", "phone_number_verified"}),
}
# In the order in which a person reads them. Which agencies they are at (`memberships`) is asked for by name alone.
_TOLD = ("openid", "profile", "email", "phone", "address", "memberships", "offline_access")


@dataclass(frozen=True)
class Consent:
    """What a person allowed an application: scopes, and claims asked for by name. given_at: the last time."""

    client_id: str
    scope: frozenset[str]
    claims: frozenset[str]
    given_at: datetime

    def covers(self, scope: str, claims: Iterable[str] = (), *, since: datetime | None = None) -> bool:
        """Whether nothing has to be asked. since: of a request with prompt=consent, which wants a newer answer."""
        if since is not None and self.given_at < since:
            return False
        by_scope = frozenset().union(*(CLAIMS_OF.get(one, frozenset()) for one in self.scope))
        return set(scope.split()) <= self.scope and set(claims) <= self.claims | by_scope


def told(scope: str, claims: Collection[str] = ()) -> list[str]:
    """What the page names, each a key of `consent.asked.`: by scope, and by claims asked for by name."""
    by_name = {one for one, names in CLAIMS_OF.items() if names & set(claims)}
    return [one for one in _TOLD if one in {*scope.split(), *claims} | by_name]


@dataclass(frozen=True)
class Shown:
    """An application as the page shows it. Addresses are https, as registration requires."""

    name: str
    logo_uri: str | None
    policy_uri: str | None
    tos_uri: str | None
    client_uri: str | None


def shown(client: Client, language: str) -> Shown:
    """Name and addresses in the page's language, where the application registered them (OIDC Registration 2.1)."""

    def localized(field: str, plain: str | None) -> str | None:
        wanted = (k for k in sorted(client.localized) if k.partition("#")[0] == field)
        fitting = (k for k in wanted if k.partition("#")[2].split("-")[0].lower() == language)
        return next((client.localized[k] for k in fitting), plain)

    return Shown(
        name=localized("client_name", client.name) or client.id,
        logo_uri=localized("logo_uri", client.logo_uri),
        policy_uri=localized("policy_uri", client.policy_uri),
        tos_uri=localized("tos_uri", client.tos_uri),
        client_uri=localized("client_uri", client.client_uri),
    )
