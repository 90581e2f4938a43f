"""The letters of the demonstration: imported at the first run, listed as long as nobody used them.

The import lets generated passwords out once, into its letters file, as it does for an agency that prints them. Those
that the agency chose stand in the export itself. Both are kept together in ./.demo/letters.json.
"""

from __future__ import annotations

import csv
from pathlib import Path

from idp.accounts.importing import profile, reading
from idp.accounts.importing.letters import LettersFile
from idp.accounts.importing.reading import Record
from idp.accounts.importing.run import Run
from idp.accounts.store import identifier_key
from idp.app import make_deps
from idp.cli.context import database
from idp.database import reading as reading_database
from idp.demo import store
from idp.demo.folder import Folder, Letter
from idp.demo.store import StoredLetter
from idp.demo.world import SITUATIONS
from idp.settings import ROOT, Settings
from idp.tenancy import resolve

EXPORT = Path(__file__).parent / "export-demo.csv"
Key = tuple[str, str, str]  # client, societe, identifier as it is compared


def usable_letters(folder: Folder, settings: Settings) -> list[Letter]:
    """Import the letters unless an earlier run did; those that can still be used, the shown ones first."""
    with database(settings):
        known = folder.letters()
        passwords = {} if known else _import(folder.path / "letters.csv", settings)
        with reading_database() as db:
            stored = store.letters(db)
    if not known:
        known = _with_passwords(stored, passwords)
        folder.keep_letters(known)
    closed = {_key(one.client, one.societe, one.identifier) for one in stored if one.closed}
    return [one for one in known if _key(one.client, one.societe, one.provisional_identifier) not in closed]


def _import(letters_file: Path, settings: Settings) -> dict[Key, str]:
    """Import the export; the passwords of its letters. Goes on where an interrupted first run stopped."""
    deps = make_deps(settings)
    export = reading.examine(EXPORT, profile.load("default", within=ROOT / "config" / "imports"))
    file = LettersFile(letters_file, deps)
    try:
        Run(deps, tell=lambda _outcome: None, letters_file=file).take(export)
    finally:
        file.close()
    given = [one.cells for one in export.records() if isinstance(one, Record)]
    passwords = {_key(one.customer, one.company, one.identifier): one.password for one in given}
    with letters_file.open(encoding="utf-8-sig", newline="") as made:
        for row in csv.DictReader(made, delimiter=";"):
            passwords[_key(row["client"], row["societe"], row["identifiant"])] = row["mot_de_passe"]
    return passwords


def _with_passwords(stored: list[StoredLetter], passwords: dict[Key, str]) -> list[Letter]:
    """The letters whose password is known, those of `world.SITUATIONS` first."""
    shown = {identifier: place for place, identifier in enumerate(SITUATIONS)}
    found = [
        Letter(one.client, one.societe, one.identifier, password, one.suggested_email)
        for one in stored
        if (password := passwords.get(_key(one.client, one.societe, one.identifier)))
    ]
    return sorted(found, key=lambda letter: shown.get(letter.provisional_identifier, len(shown)))


def _key(client: str, societe: str, identifier: str) -> Key:
    return resolve.canonical(client), resolve.canonical(societe), identifier_key(identifier)
