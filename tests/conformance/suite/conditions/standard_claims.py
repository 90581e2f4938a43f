"""The standard claims, their types and which scope asks for which: OIDC Core 5.1, 5.1.1 and 5.4."""

from __future__ import annotations

import re
from typing import Any

OF_SCOPE = {
    "openid": ("sub",),
    "profile": (
        *("name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture"),
        *("website", "gender", "birthdate", "zoneinfo", "locale", "updated_at"),
    ),
    "email": ("email", "email_verified"),
    "address": ("address",),
    "phone": ("phone_number", "phone_number_verified"),
    "offline_access": (),
}
_FLAGS = ("email_verified", "phone_number_verified")
_NUMBERS = ("updated_at",)
_TEXTS = {
    name for names in OF_SCOPE.values() for name in names if name not in (*_FLAGS, *_NUMBERS, "address", "sub")
} | {"sub"}
_ADDRESS = ("formatted", "street_address", "locality", "region", "postal_code", "country")


def problems(claims: dict[str, Any]) -> list[str]:
    """What is wrong with the standard claims that are there; empty when nothing is."""
    found = [f"{name} is no text: {claims[name]!r}" for name in _TEXTS & set(claims) if not _is_text(claims[name])]
    found += [f"{name} is neither true nor false" for name in _FLAGS if not isinstance(claims.get(name, True), bool)]
    found += [f"{name} is no number" for name in _NUMBERS if not _is_number(claims.get(name, 0))]
    address = claims.get("address", {})
    if not isinstance(address, dict):
        return [*found, "address is no object"]
    found += [f"address has {name!r}" for name in address if name not in _ADDRESS]
    found += [f"address.{name} is no text" for name, value in address.items() if not _is_text(value)]
    if "birthdate" in claims and not re.fullmatch(r"\d{4}(-\d\d-\d\d)?", str(claims["birthdate"])):
        found.append(f"birthdate is {claims['birthdate']!r}")
    return found


def missing(claims: dict[str, Any], scope: str) -> list[str]:
    """The claims that a scope asks for and that are not there."""
    return [name for part in scope.split() for name in OF_SCOPE.get(part, ()) if name not in claims]


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
