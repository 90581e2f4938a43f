"""The person as the provider's claims tell it, read without trusting that every claim is there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_TITLES = {"M.": "Monsieur", "Mme": "Madame", "M. et Mme": "Madame, Monsieur"}
_ROLES = {"proprietaire": "Propriétaire", "coproprietaire": "Copropriétaire", "locataire": "Locataire"}


@dataclass(frozen=True)
class Contract:
    """role: as shown, in French. mandate: empty for none."""

    reference: str
    role: str
    mandate: str


@dataclass(frozen=True)
class Membership:
    """A place of the person at one agency, named by its two codes."""

    client: str
    societe: str
    agency_name: str
    role: str
    mandate: str
    contracts: tuple[Contract, ...]


@dataclass(frozen=True)
class Person:
    """subject: the `sub` claim, the only stable name of a person; an address may change, `sub` never does."""

    subject: str
    title: str
    name: str
    company: str
    email: str
    email_verified: bool
    phone: str
    address: tuple[str, ...]
    memberships: tuple[Membership, ...]

    def at(self, client: str, societe: str) -> tuple[Membership, ...]:
        """The person's places at one agency; empty for somebody else's customer."""
        return tuple(m for m in self.memberships if (m.client, m.societe) == (client, societe))


def person(claims: Mapping[str, Any]) -> Person:
    """The person of a userinfo answer (OIDC Core 5.1, and the provider's `memberships`). Needs `sub` alone."""
    address = _mapping(claims.get("address"))
    lines = _text(address, "formatted").splitlines() or [
        _text(address, "street_address"),
        f"{_text(address, 'postal_code')} {_text(address, 'locality')}".strip(),
    ]
    return Person(
        subject=_text(claims, "sub"),
        title=_TITLES.get(_text(claims, "civility"), ""),
        name=_text(claims, "name") or f"{_text(claims, 'given_name')} {_text(claims, 'family_name')}".strip(),
        company=_text(claims, "company_name"),
        email=_text(claims, "email"),
        email_verified=claims.get("email_verified") is True,
        phone=readable_phone(_text(claims, "phone_number")),
        address=tuple(line for line in lines if line),
        memberships=tuple(_membership(_mapping(m)) for m in _list(claims.get("memberships"))),
    )


def readable_phone(number: str) -> str:
    """`+33123456789` as the French write it, `01 23 45 67 89` (no-break spaces); other numbers as they are."""
    national = re.fullmatch(r"\+33([1-9])(\d\d)(\d\d)(\d\d)(\d\d)", number)
    return "\u00a0".join(("0" + national[1], *national.groups()[1:])) if national else number


def _membership(claims: Mapping[str, Any]) -> Membership:
    return Membership(
        client=_text(claims, "client"),
        societe=_text(claims, "societe"),
        agency_name=_text(claims, "agency_name"),
        role=_role(claims),
        mandate=_text(claims, "mandate"),
        contracts=tuple(
            Contract(_text(c, "reference"), _role(c), _text(c, "mandate"))
            for c in map(_mapping, _list(claims.get("contracts")))
        ),
    )


def _role(claims: Mapping[str, Any]) -> str:
    return _ROLES.get(_text(claims, "role"), "")


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    return value if isinstance(value, str) else ""


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
