"""From the raw cells of a line to a person, or to the reason why not. Pure: no database, no clock, no randomness.

What makes a line useless refuses it; what is merely wrong (an address, a phone, a postal code) is left out with a
warning, because the letter still reaches its person.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import phonenumbers

from idp.accounts import addresses
from idp.accounts.importing import sentences
from idp.accounts.importing.cells import Cells, text
from idp.accounts.importing.profile import Profile, plain, squeezed
from idp.accounts.importing.reading import Record
from idp.accounts.importing.sentences import FIELDS, short
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
_FRENCH = re.compile(r"0[1-9](?:[ .\-/]?[0-9]{2}){4}")
_WITHOUT_ZERO = re.compile(r"[1-9]\d{8}")
_WITHOUT_PLUS = re.compile(r"33[1-9]\d{8}")
_BETWEEN_DIGITS = re.compile(r"[\s.\-/]")


class Person(NamedTuple):
    """What an agency knows about a person; the names are those of the columns of `provisional_accounts`.

    role: a value of `Role`.
    """

    civility: str
    last_name: str
    first_name: str
    company_name: str
    suggested_email: str | None
    phone: str | None
    street: str
    postal_code: str
    city: str
    role: str
    mandate: str

    @property
    def name(self) -> str:
        """What tells one person from another under the same identifier, once squeezed."""
        return self.last_name + self.first_name + self.company_name


@dataclass(slots=True)  # not frozen, which doubles the time that a million of them take to be made
class Line:
    """A line that can be imported. Codes are canonical; password: as the agency gave it, None to make one.

    digest: hex SHA-256 of person and contracts, 64 characters: equal when an import has nothing to change.
    """

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
    digest: str


@dataclass(frozen=True)
class Refusal:
    """A line that cannot be imported, and why."""

    number: int
    end: int
    identifier: str
    reason: str


_canonical = lru_cache(maxsize=4096)(resolve.canonical)  # the same few codes on every line


def clean(record: Record, profile: Profile) -> Line | Refusal:
    """The person of a line, with warnings for what was left out; or the first reason that refuses the line."""
    cells = record.cells if record.tidy else Cells._make(map(text, record.cells))
    password = _given(cells.password, profile)
    key = identifier_key(cells.identifier)
    reason = _refused(cells, key, password, profile)
    if reason is not None:
        return Refusal(record.line, record.end, short(cells.identifier), reason)
    warnings: list[str] = []
    person = _person(cells, profile, warnings)
    contracts = _contracts(record.cells.contracts, profile, warnings)
    return Line(
        record.line,
        record.end,
        _canonical(cells.customer),
        _canonical(cells.company),
        cells.identifier,
        key,
        password or None,
        person,
        contracts,
        tuple(warnings),
        _digest(person, contracts),
    )


def _given(cell: str, profile: Profile) -> str:
    """The cell, empty where it says in a word that there is nothing.

    Not for those whose form is checked: « néant » as an address is worth a word to who keeps the file.
    """
    return "" if cell and plain(cell) in profile.empty else cell


def _digest(person: Person, contracts: tuple[str, ...]) -> str:
    # No cell holds the separator, a control character, so no two lines that differ are told alike.
    return hashlib.sha256("\x1f".join([value or "" for value in (*person, *contracts)]).encode()).hexdigest()


def _refused(cells: Cells, key: str, password: str, profile: Profile) -> str | None:
    if not key:
        return sentences.IDENTIFIER_MISSING
    if len(cells.identifier) > LONGEST_IDENTIFIER:
        return sentences.IDENTIFIER_TOO_LONG.format(limit=LONGEST_IDENTIFIER)
    if not cells.customer or not cells.company:
        return sentences.AGENCY_MISSING
    if not cells.role:
        return sentences.ROLE_MISSING
    if squeezed(cells.role) not in profile.roles:
        return sentences.ROLE_UNKNOWN.format(role=short(cells.role))
    if len(password) > LONGEST_PASSWORD:
        return sentences.PASSWORD_TOO_LONG.format(limit=LONGEST_PASSWORD)
    return None


def _person(cells: Cells, profile: Profile, warnings: list[str]) -> Person:
    last_name = _fitted(cells.last_name, "last_name", warnings)
    first_name = _fitted(cells.first_name, "first_name", warnings)
    company_name = _fitted(_given(cells.company_name, profile), "company_name", warnings)
    street = _fitted(cells.street, "street", warnings)
    city = _fitted(cells.city, "city", warnings)
    mandate = _fitted(_given(cells.mandate, profile), "mandate", warnings)
    if not last_name and not company_name:
        warnings.append(sentences.NAME_MISSING)
    return Person(
        _civility(_given(cells.civility, profile), profile, warnings),
        last_name,
        first_name,
        company_name,
        _email(cells.email, warnings) if cells.email else None,
        _phone(cells.phone, warnings) if cells.phone else None,
        street,
        _postal_code(cells.postal_code, warnings) if cells.postal_code else "",
        city,
        profile.roles[squeezed(cells.role)].value,
        mandate,
    )


def _civility(cell: str, profile: Profile, warnings: list[str]) -> str:
    civility = profile.civilities.get(squeezed(cell), "")
    if cell and not civility:
        warnings.append(sentences.CIVILITY_UNKNOWN.format(value=short(cell)))
    return civility


def _fitted(value: str, name: str, warnings: list[str]) -> str:
    return value if len(value) <= LONGEST[name] else _cut(value, name, warnings)


def _cut(value: str, name: str, warnings: list[str]) -> str:
    limit = LONGEST[name]
    warnings.append(sentences.VALUE_CUT.format(what=FIELDS[name], limit=limit))
    return value[:limit].rstrip()


def _email(value: str, warnings: list[str]) -> str | None:
    """The address, in lower case when it was typed in capitals only."""
    try:
        return addresses.accepted(value.lower() if value == value.upper() else value)
    except IdpError:
        warnings.append(sentences.EMAIL_INVALID.format(value=short(value)))
        return None


def _phone(value: str, warnings: list[str]) -> str | None:
    """E.164. A spreadsheet takes numbers for numbers: `264159240` lost its zero, `33375094737` its plus."""
    if _FRENCH.fullmatch(value):
        return f"+33{_BETWEEN_DIGITS.sub('', value)[1:]}"  # what the library would say of it, a hundred times sooner
    digits = _BETWEEN_DIGITS.sub("", value)
    if _WITHOUT_ZERO.fullmatch(digits):
        digits = f"0{digits}"
    elif _WITHOUT_PLUS.fullmatch(digits):
        digits = f"+{digits}"
    else:
        digits = value
    if _FRENCH.fullmatch(digits):
        return f"+33{digits[1:]}"
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
    if len(value) == 5 and value.isdecimal():
        return value
    digits = re.sub(r"^F-?|\s", "", value.upper())
    if re.fullmatch(r"\d{4,5}", digits):
        return digits.zfill(5)
    warnings.append(sentences.POSTAL_CODE_INVALID.format(value=short(value)))
    return ""


def _contracts(cell: str, profile: Profile, warnings: list[str]) -> tuple[str, ...]:
    """The references of a cell, in its order, each once."""
    found: dict[str, None] = {}
    for part in _separators(profile.contract_separators).split(cell):
        reference = text(part)
        if plain(reference) in profile.empty:
            continue
        if len(reference) > LONGEST_REFERENCE:
            warnings.append(sentences.CONTRACT_TOO_LONG.format(value=short(reference)))
            continue
        found[reference] = None
    return tuple(found)


@lru_cache(maxsize=16)
def _separators(characters: str) -> re.Pattern[str]:
    return re.compile(f"[{re.escape(characters)}]")
