"""Files that declare portals: TOML with `[[clients]]`, as in clients/registrations/. Reading them, and writing.

A secret is never in such a file: `secret_env` names a variable that holds it, `secret_file` a file; with neither, one
is made when the portal is created and printed once.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from idp.cli.clients.defaults import NEW
from idp.cli.clients.shown import Owners
from idp.oidc.registration import fields, secrets
from idp.oidc.registration.fields import Kind
from idp.oidc.registration.metadata import Client

# The keys of a client, in the order that `export` writes, with what they may hold.
KEYS: Mapping[str, Kind] = {
    "client_id": Kind.TEXT,
    "name": Kind.TEXT,
    "agency": Kind.TEXT,
    "customer": Kind.TEXT,
    **fields.OPERATOR,
    "disabled": Kind.FLAG,
    "secret_env": Kind.TEXT,
    "secret_file": Kind.TEXT,
}
_REQUIRED = ("client_id", "name")


@dataclass(frozen=True)
class Problem:
    """Why a file is refused. line: of the file, from 1."""

    path: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


@dataclass(frozen=True)
class Declared:
    """One `[[clients]]` of a file. lines: where each key stands; `line` is that of the header."""

    path: Path
    line: int
    lines: Mapping[str, int]
    values: Mapping[str, Any]
    secret: str | None = field(repr=False)

    def problem(self, text: str, key: str = "") -> Problem:
        return Problem(self.path, self.lines.get(key, self.line), text)


def read(path: Path, environ: Mapping[str, str] | None = None) -> tuple[list[Declared], list[Problem]]:
    """The well-formed portals that a file declares, and everything that is wrong with the form of the others."""
    try:
        text = path.read_text(encoding="utf-8")
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+)", str(error))
        return [], [Problem(path, int(found[1]) if found else 1, str(error))]
    except UnicodeDecodeError:
        return [], [Problem(path, 1, "is not UTF-8 text")]
    problems = [
        Problem(path, 1, f"{key!r} is unknown: only [[clients]] is expected") for key in document if key != "clients"
    ]
    tables = document.get("clients", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        return [], [*problems, Problem(path, 1, "each client starts with [[clients]]")]
    declared = []
    for (line, lines), table in zip(_places(text), tables, strict=False):
        malformed = _form(path, line, lines, table)
        secret, wrong = _secret(path, line, lines, table, os.environ if environ is None else environ)
        problems += malformed + wrong
        if not malformed:
            declared.append(Declared(path, line, lines, table, secret))
    return declared, problems


def written(clients: Iterable[Client], owners: Owners) -> str:
    """The same as a file would declare it: `apply` of it changes nothing. Secrets and defaults are not in it."""
    blocks = []
    for client in clients:
        values: dict[str, Any] = {
            "client_id": client.id,
            "name": client.name,
            "agency": owners.agency(client),
            "customer": owners.customer(client) if client.agency_id is None else None,
            **{name: getattr(client, name) for name in fields.OPERATOR if getattr(client, name) != getattr(NEW, name)},
            "disabled": client.disabled_at is not None or None,
        }
        lines = [f"{key} = {toml(fields.plain(value))}" for key, value in values.items() if value is not None]
        blocks.append("\n".join(["[[clients]]", *lines]))
    return "\n\n".join(blocks)


def toml(value: Any) -> str:
    """A value as it stands in a file."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{toml(key)} = {toml(one)}" for key, one in value.items()) + " }" if value else "{}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml, value)) + "]"
    # A JSON string, number or boolean is a TOML one too, once DEL is escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _places(text: str) -> list[tuple[int, dict[str, int]]]:
    """The line of each `[[clients]]` and of its keys; the TOML reader of Python does not tell them."""
    places: list[tuple[int, dict[str, int]]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if re.match(r"\s*\[\[\s*clients\s*\]\]", line):
            places.append((number, {}))
        elif places and (key := re.match(r"\s*([A-Za-z0-9_-]+)\s*=", line)):
            places[-1][1].setdefault(key[1], number)
    return places


def _form(path: Path, line: int, lines: Mapping[str, int], table: Mapping[str, Any]) -> list[Problem]:
    problems = []
    for key, value in table.items():
        at = lines.get(key, line)
        if key not in KEYS:
            problems.append(Problem(path, at, f"{key!r} is unknown; known are {', '.join(KEYS)}"))
        elif not fields.fits(KEYS[key], value):
            problems.append(Problem(path, at, f"{key}: {KEYS[key]} is expected"))
    problems += [Problem(path, line, f"{key} is missing") for key in _REQUIRED if key not in table]
    if "agency" in table and "customer" in table:
        problems.append(Problem(path, lines.get("customer", line), "agency or customer, not both"))
    return problems


def _secret(
    path: Path, line: int, lines: Mapping[str, int], table: Mapping[str, Any], environ: Mapping[str, str]
) -> tuple[str | None, list[Problem]]:
    """The secret that the client brings, if any, and what is wrong with it. Never repeats it."""
    if "secret_env" in table:
        name = str(table["secret_env"])
        at, secret, where = lines.get("secret_env", line), environ.get(name), f"the variable {name}"
    elif "secret_file" in table:
        file = path.parent / str(table["secret_file"])
        at, where = lines.get("secret_file", line), f"the file {file}"
        try:
            secret = file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            secret = None
    else:
        return None, []
    if secret is None:
        return None, [Problem(path, at, f"{where} cannot be read")]
    if not secrets.SHORTEST <= len(secret) <= secrets.LONGEST or not secret.isascii() or not secret.isprintable():
        return None, [
            Problem(path, at, f"{where} must hold {secrets.SHORTEST} to {secrets.LONGEST} printable ASCII characters")
        ]
    return secret, []
