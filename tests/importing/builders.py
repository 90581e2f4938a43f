"""Exports as agencies make them; a test says only what is odd."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from idp.accounts.importing import profile as profiles
from idp.accounts.importing import reading
from idp.accounts.importing.cells import Cells
from idp.accounts.importing.cleaning import Line, Refusal, clean
from idp.accounts.importing.profile import Profile
from idp.accounts.importing.reading import Export, Fault, Record
from idp.settings import ROOT

DEFAULT = profiles.load("default", within=ROOT / "config" / "imports")
TITLES = (
    "CodeClient;CodeSociete;Identifiant;MotDePasse;Civilité;Nom;Prénom;Raison sociale;Email;Téléphone;Adresse;"
    "Code postal;Ville;Rôle;Références contrats;Mandat"
)
_FIELDS = {
    "customer": "ADB",
    "company": "TLS01",
    "identifier": "TLS01100000",
    "password": "xu2mjee9",
    "civility": "Mme",
    "last_name": "MARTIN",
    "first_name": "Léa",
    "company_name": "",
    "email": "lea.martin@exemple.test",
    "phone": "0561223344",
    "street": "1, rue du Taur",
    "postal_code": "31000",
    "city": "Toulouse",
    "role": "Locataire",
    "contracts": "V1",
    "mandate": "",
}


def a_line(**odd: str) -> str:
    """One line of an export, with `;`."""
    return ";".join({**_FIELDS, **odd}.values())


def an_export(path: Path, *lines: str, encoding: str = "cp1252", titles: str = TITLES, end: str = "\r\n") -> Path:
    path.write_bytes((end.join([titles, *lines]) + end).encode(encoding))
    return path


def examined(path: Path, profile: Profile = DEFAULT) -> Export:
    return reading.examine(path, profile)


def records(path: Path, profile: Profile = DEFAULT) -> Sequence[Record | Fault]:
    return list(examined(path, profile).records())


def cleaned(**odd: str) -> Line | Refusal:
    """What becomes of one line."""
    return clean(Record(2, 0, Cells(**{**_FIELDS, **odd})), DEFAULT)


def a_person(**odd: str) -> Line:
    line = cleaned(**odd)
    assert isinstance(line, Line), line
    return line


def values(record: Record | Fault) -> Mapping[str, str]:
    assert isinstance(record, Record), record
    return record.cells._asdict()
