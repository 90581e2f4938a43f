"""The letters file: the only way out for passwords made here. Each leaves once, and none is lost, whatever is killed when.

A password is stored sealed in the transaction that makes its letter. Then, and again at the next import: rows are
appended to the file, the file is forced to the disk, and only then the sealed values are wiped. A program killed
between the last two repeats these rows; so the last rows of an existing file are read first and not written again.
"""

from __future__ import annotations

import base64
import csv
import fcntl
import os
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlencode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from idp.accounts.importing import spreadsheet
from idp.accounts.importing.spreadsheet import guarded_row, unguarded
from idp.accounts.importing.store import Letter
from idp.deps import Deps
from idp.digests import Kind
from idp.tenancy import resolve
from idp.tenancy.store import AgencyView

COLUMNS = (
    "client",
    "societe",
    "agence",
    "civilite",
    "nom",
    "prenom",
    "raison_sociale",
    "adresse",
    "code_postal",
    "ville",
    "identifiant",
    "mot_de_passe",
    "url",
)
_BOM = b"\xef\xbb\xbf"
# Rows written but not wiped are those of one batch at most; twice that is remembered of an existing file.
BATCH = 2000
_REMEMBERED = 2 * BATCH
_NONCE = 12  # bytes


class LettersError(Exception):
    """The letters file cannot be used, or a sealed password not be opened; the message says why."""


@dataclass(slots=True)
class Row:
    """One letter. password: in clear, so nothing of this is ever printed or logged."""

    agency: AgencyView
    letter: Letter
    password: str = field(repr=False)

    @property
    def key(self) -> tuple[str, str, str]:
        return self.agency.customer_code, self.agency.company_code, self.letter.identifier


class LettersFile:
    """An open letters file, locked against a second import, its half-written last row removed."""

    def __init__(self, path: Path, deps: Deps) -> None:
        """Raises LettersError for a file that is not a letters file or is in use, and OSError."""
        self._issuer = deps.settings.issuer
        self._of_agency: dict[str, tuple[list[str], list[str]]] = {}
        self._file = _opened(path)
        try:
            self._last = frozenset(_prepared(self._file, path))
        except BaseException:
            self._file.close()
            raise

    def append(self, rows: Sequence[Row]) -> int:
        """Write rows and force them to the disk; returns how many were not there yet."""
        fresh = [row for row in rows if row.key not in self._last] if self._last else rows
        self._file.write("".join([spreadsheet.row(self._cells(row)) for row in fresh]).encode())
        self._file.flush()
        os.fsync(self._file.fileno())
        return len(fresh)

    def close(self) -> None:
        self._file.close()

    def _cells(self, row: Row) -> list[str]:
        _, identifier, *person = row.letter
        first, last = self._of_agency.get(row.agency.id) or self._met(row.agency)
        return [*first, *guarded_row((*person, identifier)), row.password, *last]

    def _met(self, agency: AgencyView) -> tuple[list[str], list[str]]:
        """The cells that are the same on all rows of an agency, before and after a person's."""
        url = f"{self._issuer}/login/provisional?{urlencode(resolve.query(agency))}"
        names = guarded_row((agency.customer_code, agency.company_code, agency.name))
        return self._of_agency.setdefault(agency.id, (names, guarded_row([url])))


@lru_cache(maxsize=1)
def _cipher(key: bytes) -> AESGCM:
    return AESGCM(key)


def seal(deps: Deps, letter_ids: Sequence[str], passwords: Sequence[str]) -> list[str]:
    """Each password encrypted for its letter: base64 of nonce and AES-256-GCM. The id is authenticated with it."""
    encrypt = _cipher(deps.digests.key(Kind.LETTER_ENCRYPTION)).encrypt
    random = os.urandom(_NONCE * len(passwords))
    nonces = [random[start : start + _NONCE] for start in range(0, len(random), _NONCE)]
    return [
        base64.b64encode(nonce + encrypt(nonce, password.encode(), letter_id.encode())).decode()
        for nonce, password, letter_id in zip(nonces, passwords, letter_ids, strict=True)
    ]


def unseal(deps: Deps, letter_id: str, sealed: str) -> str:
    """Raises LettersError when the master secret is not the one that the password was sealed under."""
    raw = base64.b64decode(sealed)
    try:
        return (
            _cipher(deps.digests.key(Kind.LETTER_ENCRYPTION))
            .decrypt(raw[:_NONCE], raw[_NONCE:], letter_id.encode())
            .decode()
        )
    except InvalidTag:
        raise LettersError(
            "waiting passwords were sealed under another master secret: put it back to write their letters"
        ) from None


def _opened(path: Path) -> BinaryIO:
    # Made with mode 0600 from the start: a moment of 0644 is enough for somebody who waits for it. O_NOFOLLOW: a link
    # planted in a shared folder must not lead the passwords elsewhere.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    file = os.fdopen(descriptor, "r+b")
    try:
        os.fchmod(descriptor, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _sync_folder(path)
    except BlockingIOError:
        file.close()
        raise LettersError(f"{path} is being written by another import") from None
    except BaseException:
        file.close()
        raise
    return file


def _prepared(file: BinaryIO, path: Path) -> deque[tuple[str, str, str]]:
    """Leave the file ready for appending; returns its last letters. A torn last row is cut off: it was not wiped."""
    header = _BOM + ";".join(COLUMNS).encode() + b"\r\n"
    last: deque[tuple[str, str, str]] = deque(maxlen=_REMEMBERED)
    first = file.readline(len(header) + 1)
    if first != header:
        if not header.startswith(first):
            raise LettersError(f"{path} exists and is not a letters file: name another one")
        file.seek(0)
        file.truncate()
        file.write(header)
        return last
    whole = file.tell()
    while line := file.readline():
        if not line.endswith(b"\n"):
            break
        whole = file.tell()
        cells = next(csv.reader([line.decode("utf-8", "replace").rstrip("\r\n")], delimiter=";"), [])
        if len(cells) == len(COLUMNS):
            last.append((unguarded(cells[0]), unguarded(cells[1]), unguarded(cells[10])))
    file.seek(whole)
    file.truncate()
    return last


def _sync_folder(path: Path) -> None:
    """Make a new file's name survive a power cut too."""
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
