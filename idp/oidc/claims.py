"""What tokens and userinfo say about a person: standard claims (OIDC Core 5.1) and `memberships`. Pure.

The person's data is what the agency knows, so a portal is told only what its own agencies know (the caller passes the
places that the client may see). Tokens are slim: they name the agency asked for; contracts are told at userinfo.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from idp.accounts.memberships.store import Place

OF_SCOPE = {
    "profile": (
        *("name", "given_name", "family_name", "civility", "company_name"),
        *("locale", "zoneinfo", "updated_at"),
    ),
    "email": ("email", "email_verified"),
    "phone": ("phone_number", "phone_number_verified"),
    "address": ("address",),
}


def of_person(
    *, email: str, scope: str, names: Iterable[str], places: Sequence[Place], agency_id: str | None
) -> dict[str, Any]:
    """The claims of a scope (OIDC Core 5.4) and those asked for by name (5.5), as far as they are known.

    agency_id: the agency asked for, whose data is preferred.
    """
    wanted = {name for one in scope.split() for name in OF_SCOPE.get(one, ())} | set(names)
    known = _known(email, places, _preferred(places, agency_id))
    return {name: value for name, value in known.items() if name in wanted}


def membership(place: Place) -> dict[str, Any]:
    """A person's place at an agency, with its contracts."""
    return {
        "client": place.customer_code,
        "societe": place.company_code,
        "agency_name": place.agency_name,
        "role": place.role,
        "mandate": place.mandate,
        "contracts": [dict(contract) for contract in place.contracts],
    }


def display_name(place: Place) -> str:
    """First and last name, else the company's."""
    return " ".join(filter(None, (place.first_name, place.last_name))) or place.company_name


def _preferred(places: Iterable[Place], agency_id: str | None) -> Place | None:
    """The place at the agency asked for, else the oldest."""
    ordered = sorted(places, key=lambda p: p.agency_id != agency_id)
    return ordered[0] if ordered else None


def _known(email: str, places: Sequence[Place], place: Place | None) -> dict[str, Any]:
    """Everything that could be told, without what is empty."""
    # An account only comes into being once its address was proven, and changes it no other way.
    told: dict[str, Any] = {"email": email, "email_verified": True}
    if place is not None:
        of_place = {
            "name": display_name(place),
            "given_name": place.first_name,
            "family_name": place.last_name,
            "civility": place.civility,
            "company_name": place.company_name,
            "phone_number": place.phone,
            "address": _address(place),
        }
        told |= {name: value for name, value in of_place.items() if value}
        told |= {"locale": "fr-FR", "zoneinfo": "Europe/Paris", "updated_at": int(place.updated_at.timestamp())}
    if "phone_number" in told:
        told["phone_number_verified"] = False
    return {**told, "memberships": [membership(one) for one in places]}


def _address(place: Place) -> dict[str, str]:
    """OIDC Core 5.1.1; empty when the agency knows neither street nor town."""
    if not place.street and not place.city:
        return {}
    town = " ".join(filter(None, (place.postal_code, place.city)))
    told = {
        "formatted": "\n".join(filter(None, (place.street, town))),
        "street_address": place.street,
        "postal_code": place.postal_code,
        "locality": place.city,
        "country": "France",
    }
    return {name: value for name, value in told.items() if value}
