"""Profiles: what the columns and values of one kind of export mean. Data, in config/imports/<name>.toml."""

from __future__ import annotations

import os
import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from idp.accounts.importing.cells import text
from idp.accounts.importing.sentences import FIELDS
from idp.accounts.roles import Role
from idp.settings import ROOT

REQUIRED = ("customer", "company", "identifier", "role")
_SECTIONS = {"title", "columns", "constants", "cells", "roles", "civilities"}


class ProfileError(Exception):
    """The profile cannot be used; the message names the file and why."""


@dataclass(frozen=True)
class Profile:
    """columns: field of each squeezed header. constants: tidy. roles, civilities: stored value of each squeezed cell."""

    name: str
    columns: Mapping[str, str]
    constants: Mapping[str, str]
    empty: frozenset[str]
    contract_separators: str
    roles: Mapping[str, Role]
    civilities: Mapping[str, str]


def plain(cell: str) -> str:
    """The cell without accents, case and surrounding spaces."""
    if cell.isascii():
        return cell.lower().strip()
    decomposed = unicodedata.normalize("NFKD", cell)
    return "".join(c for c in decomposed if not unicodedata.combining(c)).casefold().strip()


@lru_cache(maxsize=4096)  # the same few roles, civilities and names on every line
def squeezed(cell: str) -> str:
    """Letters and digits only, without accents and case: how headers, roles and civilities are compared."""
    return "".join(c for c in plain(cell) if c.isalnum())


def folder() -> Path:
    return Path(os.environ.get("IDP_CONFIG_DIR", ROOT / "config")) / "imports"


def load(name: str, *, within: Path | None = None) -> Profile:
    """The profile of a name. Raises ProfileError for an unknown one and for every kind of mistake in its file."""
    within = within or folder()
    path = within / f"{name}.toml"
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,60}", name) or not path.is_file():
        known = ", ".join(sorted(found.stem for found in within.glob("*.toml"))) or "none"
        raise ProfileError(f"there is no import profile {name!r}; known in {within}: {known}")
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        return _profile(name, raw)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValueError, TypeError, AttributeError) as error:
        raise ProfileError(f"{path}: {error}") from None


def _profile(name: str, raw: Mapping[str, Any]) -> Profile:
    if unknown := set(raw) - _SECTIONS:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
    columns, constants = raw.get("columns", {}), raw.get("constants", {})
    if unknown := (set(columns) | set(constants)) - set(FIELDS):
        raise ValueError(f"unknown fields: {', '.join(sorted(unknown))}; known are {', '.join(FIELDS)}")
    if missing := [field for field in REQUIRED if field not in columns and field not in constants]:
        raise ValueError(f"no column and no constant for {', '.join(missing)}")
    cells = raw.get("cells", {})
    return Profile(
        name=name,
        columns=_by_name(columns, squeezed),
        constants={field: text(str(value)) for field, value in constants.items()},
        empty=frozenset(plain(word) for word in cells.get("empty", [])) | {""},
        contract_separators=str(cells.get("contract_separators", ",")),
        roles={cell: Role(value) for cell, value in _by_name(raw.get("roles", {}), squeezed).items()},
        civilities=_by_name(raw.get("civilities", {}), squeezed),
    )


def _by_name(lists: Mapping[str, list[str]], fold: Any) -> dict[str, str]:
    """Turned round: what is meant by each name. Raises ValueError for a name that would mean two things."""
    found: dict[str, str] = {}
    for meant, names in lists.items():
        for name in names:
            if found.setdefault(fold(name), meant) != meant:
                raise ValueError(f"{name!r} stands for {found[fold(name)]} and for {meant}")
    return found
