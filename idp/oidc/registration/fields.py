"""The fields of a registration and what each may hold, read from the one place that declares them (`metadata.Client`).

Documents, files and command-line options are all made from these tables, so a new field appears everywhere at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from enum import StrEnum
from typing import Any, get_type_hints

from idp.oidc.registration.metadata import Client


class Kind(StrEnum):
    """What a field holds; the value is how a person is told."""

    TEXT = "a text"
    TEXTS = "a list of texts"
    FLAG = "true or false"
    NUMBER = "a whole number"
    OBJECT = "an object"


# Given by us, or told otherwise: an agency by its codes, a secret once.
_NOT_REGISTERED = frozenset(
    {"id", "customer_id", "agency_id", "dynamic", "disabled_at", "created_at"}
    | {"secret_digests", "sealed_secrets", "registration_token_digest"}
)
_KINDS: Mapping[Any, Kind] = {
    str: Kind.TEXT,
    str | None: Kind.TEXT,
    tuple[str, ...]: Kind.TEXTS,
    bool: Kind.FLAG,
    int | None: Kind.NUMBER,
    Mapping[str, str]: Kind.OBJECT,
    Mapping[str, Any] | None: Kind.OBJECT,
}
_HINTS = get_type_hints(Client)

# What an operator may say of a client, by its field.
OPERATOR: Mapping[str, Kind] = {f.name: _KINDS[_HINTS[f.name]] for f in fields(Client) if f.name not in _NOT_REGISTERED}
# What a client may say of itself: not whom it belongs to, nor that it is one of ours.
_OURS = frozenset({"default_portal", "require_pkce", "first_party", "access_token_format", "resources"})
STANDARD: Mapping[str, Kind] = {name: kind for name, kind in OPERATOR.items() if name not in _OURS}


def fits(kind: Kind, value: object) -> bool:
    """Whether a value of JSON or TOML is of a kind; true is no number, and texts hold no NUL."""
    if kind is Kind.TEXT:
        return _text(value)
    if kind is Kind.TEXTS:
        return isinstance(value, list) and all(map(_text, value))
    if kind is Kind.NUMBER:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, bool if kind is Kind.FLAG else Mapping)


def stored(value: Any) -> Any:
    """A value as the frozen Client holds it."""
    return tuple(value) if isinstance(value, list) else value


def plain(value: Any) -> Any:
    """A value as JSON and TOML hold it."""
    return list(value) if isinstance(value, tuple) else value


def _text(value: object) -> bool:
    return isinstance(value, str) and "\x00" not in value
