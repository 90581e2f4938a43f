"""What tokens and userinfo say about a person: standard claims (OIDC Core 5.1) and `memberships`. Pure.

The person's data is what the agency knows, so a portal is told only what its own agencies know (the caller passes the
places that the client may see). Tokens are slim: they name the agency asked for; contracts are told at userinfo.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from idp.accounts.store import Place


def of_person(*, sub: str, email: str, scope: str, places: Sequence[Place], agency_id: str | None) -> dict[str, Any]:
    """The userinfo claims of a scope. agency_id: the agency asked for, whose data is preferred."""
    scopes = frozenset(scope.split())
    claims: dict[str, Any] = {"sub": sub}
    place = _preferred(places, agency_id)
    if place is not None:
        if "profile" in scopes:
            claims |= _profile(place)
        if "phone" in scopes and place.phone:
            claims |= {"phone_number": place.phone, "phone_number_verified": False}
        if "address" in scopes and (place.street or place.city):
            claims["address"] = _address(place)
    if "email" in scopes:
        # An account only comes into being once its address was proven, and changes it no other way.
        claims |= {"email": email, "email_verified": True}
    claims["memberships"] = [membership(p) for p in places]
    return claims


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


def _profile(place: Place) -> dict[str, Any]:
    told = {
        "name": display_name(place),
        "given_name": place.first_name,
        "family_name": place.last_name,
        "civility": place.civility,
        "company_name": place.company_name,
        "locale": "fr-FR",
        "zoneinfo": "Europe/Paris",
    }
    return {name: value for name, value in told.items() if value}


def _address(place: Place) -> dict[str, str]:
    town = " ".join(filter(None, (place.postal_code, place.city)))
    told = {
        "formatted": "\n".join(filter(None, (place.street, town))),
        "street_address": place.street,
        "postal_code": place.postal_code,
        "locality": place.city,
        "country": "France",
    }
    return {name: value for name, value in told.items() if value}
