"""From the raw cells of a line to a person, or to the reason why not. Pure: no database, no clock, no randomness.

What makes a line useless refuses it; what is merely wrong (an address, a phone, a postal code) is left out with a
warning, because the letter still reaches its person.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import phonenumbers

from idp.accounts import addresses
from idp.accounts.importing import sentences
from idp.accounts.importing.profile import Profile, plain, squeezed
from idp.accounts.importing.reading import Record
from idp.accounts.importing.sentences import FIELDS, short
from idp.accounts.roles import Role
from idp.accounts.store import identifier_key
from idp.errors import IdpError
from idp.tenancy import resolve

# Longest texts, in characters: the widths of the columns of `provisional_accounts` and `contracts`.
LONGEST = {
    "last_name": 120,
    "first_name": 120,
    "company_name": 200,
    "street": 300,
    "city": 120,
    "mandate": 40,
}
LONGEST_IDENTIFIER = 80
LONGEST_PASSWORD = 128
LONGEST_REFERENCE = 60
_INVISIBLE = ("Cc", "Cf", "Cs")  # control, format and half characters: PostgreSQL refuses some, nobody can type others


@dataclass(frozen=True)
class Person:
    """What an agency knows about a person; the names are those of the columns of `provisional_accounts`."""

    civility: str
    last_name: str
    first_name: str
    company_name: str
    suggested_email: str | None
    phone: str | None
    street: str
    postal_code: str
    city: str
    role: Role
    mandate: str

    @property
    def name(self) -> str:
        """What tells one person from another under the same identifier."""
        return squeezed(self.last_name + self.first_name + self.company_name)


@dataclass(frozen=True)
class Line:
    """A line that can be imported. Codes are canonical; password: as the agency gave it, None to make one."""

    number: int
    end: int
    customer_code: str
    company_code: str
    identifier: str
    key: str
    password: str | None = field(repr=False)
    person: Person = field(repr=False)
    contracts: tuple[str, ...]
    warnings: tuple[str, ...]

    @cached_property
    def digest(self) -> str:
        """Hex SHA-256 of person and contracts, 64 characters: equal when an import has nothing to change."""
        told = json.dumps([vars(self.person), self.contracts], ensure_ascii=True, sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()


@dataclass(frozen=True)
class Refusal:
    """A line that cannot be imported, and why."""

    number: int
    end: int
    identifier: str
    reason: str


def clean(record: Record, profile: Profile) -> Line | Refusal:
    """The person of a line, with warnings for what was left out; or the first reason that refuses the line."""
    cells = {name: text(record.values.get(name, "")) for name in FIELDS}
    # Not those whose form is checked below: « néant » as an address is worth a word to who keeps the file.
    for name in ("password", "mandate", "company_name", "civility"):
        if plain(cells[name]) in profile.empty:
            cells[name] = ""
    reason = _refused(cells, profile)
    if reason is not None:
        return Refusal(record.line, record.end, short(cells["identifier"]), reason)
    warnings: list[str] = []
    person = _person(cells, profile, warnings)
    return Line(
        number=record.line,
        end=record.end,
        customer_code=resolve.canonical(cells["customer"]),
        company_code=resolve.canonical(cells["company"]),
        identifier=cells["identifier"],
        key=identifier_key(cells["identifier"]),
        password=cells["password"] or None,
        person=person,
        contracts=_contracts(record.values.get("contracts", ""), profile, warnings),
        warnings=tuple(warnings),
    )


def text(cell: str) -> str:
    """The cell on one line, NFC, without control characters and halves of characters, spaces made single."""
    if cell.isascii() and cell.isprintable():
        return " ".join(cell.split())
    if not cell.isprintable():
        kept = (c for c in cell if c.isspace() or unicodedata.category(c) not in _INVISIBLE)
        cell = "".join(" " if c.isspace() else c for c in kept)
    return " ".join(unicodedata.normalize("NFC", cell).split())


def _refused(cells: Mapping[str, str], profile: Profile) -> str | None:
    if not identifier_key(cells["identifier"]):
        return sentences.IDENTIFIER_MISSING
    if len(cells["identifier"]) > LONGEST_IDENTIFIER:
        return sentences.IDENTIFIER_TOO_LONG.format(limit=LONGEST_IDENTIFIER)
    if not cells["customer"] or not cells["company"]:
        return sentences.AGENCY_MISSING
    if not cells["role"]:
        return sentences.ROLE_MISSING
    if squeezed(cells["role"]) not in profile.roles:
        return sentences.ROLE_UNKNOWN.format(role=short(cells["role"]))
    if len(cells["password"]) > LONGEST_PASSWORD:
        return sentences.PASSWORD_TOO_LONG.format(limit=LONGEST_PASSWORD)
    return None


def _person(cells: Mapping[str, str], profile: Profile, warnings: list[str]) -> Person:
    fitted = {name: _fitted(cells[name], name, warnings) for name in LONGEST}
    if not fitted["last_name"] and not fitted["company_name"]:
        warnings.append(sentences.NAME_MISSING)
    civility = profile.civilities.get(squeezed(cells["civility"]), "")
    if cells["civility"] and not civility:
        warnings.append(sentences.CIVILITY_UNKNOWN.format(value=short(cells["civility"])))
    return Person(
        civility=civility,
        suggested_email=_email(cells["email"], warnings),
        phone=_phone(cells["phone"], warnings),
        postal_code=_postal_code(cells["postal_code"], warnings),
        role=profile.roles[squeezed(cells["role"])],
        **fitted,
    )


def _fitted(value: str, name: str, warnings: list[str]) -> str:
    limit = LONGEST[name]
    if len(value) > limit:
        warnings.append(sentences.VALUE_CUT.format(what=FIELDS[name], limit=limit))
    return value[:limit].rstrip()


def _email(value: str, warnings: list[str]) -> str | None:
    """The address, in lower case when it was typed in capitals only."""
    if not value:
        return None
    try:
        return addresses.accepted(value.lower() if value == value.upper() else value)
    except IdpError:
        warnings.append(sentences.EMAIL_INVALID.format(value=short(value)))
        return None


def _phone(value: str, warnings: list[str]) -> str | None:
    """E.164. A spreadsheet takes numbers for numbers: `264159240` lost its zero, `33375094737` its plus."""
    if not value:
        return None
    digits = re.sub(r"[\s.\-/]", "", value)
    if re.fullmatch(r"[1-9]\d{8}", digits):
        digits = f"0{digits}"
    elif re.fullmatch(r"33[1-9]\d{8}", digits):
        digits = f"+{digits}"
    else:
        digits = value
    if re.fullmatch(r"0[1-9][0-9]{8}", digits):
        return f"+33{digits[1:]}"  # what the library would say of it, a hundred times sooner
    try:
        number = phonenumbers.parse(digits, "FR")
    except phonenumbers.NumberParseException:
        number = None
    # Possible, not valid: new ranges are in use before any library knows them.
    if number is None or not phonenumbers.is_possible_number(number) or re.search(r"[^\d\s.+()/-]", value):
        warnings.append(sentences.PHONE_INVALID.format(value=short(value)))
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _postal_code(value: str, warnings: list[str]) -> str:
    """Five digits; a spreadsheet takes the zero of `03175`."""
    if not value:
        return ""
    digits = re.sub(r"^F-?|\s", "", value.upper())
    if re.fullmatch(r"\d{4,5}", digits):
        return digits.zfill(5)
    warnings.append(sentences.POSTAL_CODE_INVALID.format(value=short(value)))
    return ""


def _contracts(cell: str, profile: Profile, warnings: list[str]) -> tuple[str, ...]:
    """The references of a cell, in its order, each once."""
    separators = f"[{re.escape(profile.contract_separators)}]"
    found: dict[str, None] = {}
    for part in re.split(separators, cell):
        reference = text(part)
        if plain(reference) in profile.empty:
            continue
        if len(reference) > LONGEST_REFERENCE:
            warnings.append(sentences.CONTRACT_TOO_LONG.format(value=short(reference)))
            continue
        found[reference] = None
    return tuple(found)
