"""Reading an export: bytes in, records out, each with the line of the file where it starts. Memory stays flat.

Made for files as they are: cp1252 or UTF-8, with or without a byte order mark, `;` `,` tab or `|`, line breaks inside
quotes, JSON Lines. One bad line costs that line: a quote that is never closed must not swallow the rest of the file.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from idp.accounts.importing import sentences
from idp.accounts.importing.cells import Cells, is_tidy
from idp.accounts.importing.lines import BOM, Line, Lines, encoding_of, looks_like_utf16
from idp.accounts.importing.profile import REQUIRED, Profile, squeezed
from idp.accounts.importing.sentences import FIELDS

DELIMITERS = (";", ",", "\t", "|")
MOST_LINES_OF_A_RECORD = 30
_READ_AT_ONCE = 1 << 18  # bytes: at each read the interpreter's lock is given away, and has to be waited for


class Unusable(Exception):
    """Nothing of the file can be read; the message is a French sentence."""


class Record(NamedTuple):
    """The cells of one line. end: bytes of the file read so far. tidy: as `cells.text` leaves them; otherwise raw."""

    line: int
    end: int
    cells: Cells
    tidy: bool = False


@dataclass(frozen=True)
class Fault:
    """A line that cannot be taken apart, and why."""

    line: int
    end: int
    reason: str


@dataclass(frozen=True)
class Export:
    """A file that was looked at: how it is written. delimiter: None for JSON Lines."""

    path: Path
    size: int
    encoding: str
    delimiter: str | None
    header_lines: int
    columns: tuple[str | None, ...]
    profile: Profile

    def records(self) -> Iterator[Record | Fault]:
        """Every record of the file, in order; empty lines are passed over."""
        with self.path.open("rb", buffering=_READ_AT_ONCE) as file:
            lines = Lines(file, self.encoding)
            for _ in range(self.header_lines):
                next(lines)
            yield from _json_records(lines, self.profile) if self.delimiter is None else _csv_records(lines, self)


def examine(path: Path, profile: Profile) -> Export:
    """Find out how a file is written. Raises Unusable, and OSError when it cannot be opened."""
    with path.open("rb") as file:
        start = file.read(4096)
        if start.startswith((b"\xff\xfe", b"\xfe\xff")) or looks_like_utf16(start):
            raise Unusable(sentences.UTF16)
        if b"\x00" in start:
            raise Unusable(sentences.BINARY)
        if not start.removeprefix(BOM).strip():
            raise Unusable(sentences.EMPTY)
        file.seek(0)
        encoding = encoding_of(file)
        size = file.tell()
        file.seek(0)
        lines = Lines(file, encoding)
        first = next(lines)
        if first.fault:
            raise Unusable(sentences.HEADER_TOO_LONG if not first.text else first.fault)
        if first.text.lstrip().startswith("{"):
            return Export(path, size, encoding, None, 0, (), profile)
        header_lines = 1
        if first.text.lower().startswith("sep=") and len(first.text) == len("sep=;"):
            first, header_lines = next(lines, first), 2  # a line that some spreadsheets write, and read back
        delimiter, columns = _header(first.text, profile)
        return Export(path, size, encoding, delimiter, header_lines, columns, profile)


# --- CSV -------------------------------------------------------------------------------------------------------------


def _header(text: str, profile: Profile) -> tuple[str, tuple[str | None, ...]]:
    """The delimiter under which most columns are known, and the field of each column. Raises Unusable."""
    delimiter = max(DELIMITERS, key=lambda d: sum(squeezed(c) in profile.columns for c in _cells(text, d) or []))
    titles = _cells(text, delimiter) or []
    columns = tuple(profile.columns.get(squeezed(title)) for title in titles)
    missing = [FIELDS[name] for name in REQUIRED if name not in columns and name not in profile.constants]
    if missing:
        header = sentences.short(", ".join(title.strip() for title in titles))
        raise Unusable(
            sentences.COLUMNS_MISSING.format(missing=", ".join(missing), header=header, profile=profile.name)
        )
    for name in set(columns) - {None}:
        if columns.count(name) > 1:
            first, second = [title for title, column in zip(titles, columns, strict=True) if column == name][:2]
            raise Unusable(sentences.COLUMN_TWICE.format(first=first.strip(), second=second.strip()))
    return delimiter, columns


def _csv_records(lines: Lines, export: Export) -> Iterator[Record | Fault]:
    width, delimiter = len(export.columns), export.delimiter or ";"
    by_field = _by_field(export.columns, export.profile)
    for first in lines:
        if first.fault:
            yield Fault(first.number, first.end, first.fault)
            continue
        tidy = _tidy_cells(first.text, delimiter)
        if tidy is not None and len(tidy) == width and any(tidy):
            yield Record(first.number, first.end, by_field(tidy), True)
            continue
        taken = _take(lines, first, delimiter, width)
        if isinstance(taken, Fault):
            yield taken
            continue
        cells, end = taken
        if not any(cell.strip() for cell in cells):
            continue
        # Spreadsheets add empty columns at the end of lines.
        while len(cells) > width and not cells[-1].strip():
            cells.pop()
        if len(cells) != width:
            yield Fault(first.number, end, sentences.WRONG_COLUMNS.format(found=len(cells), expected=width))
            continue
        yield Record(first.number, end, by_field(cells))


def _by_field(columns: Sequence[str | None], profile: Profile) -> Callable[[list[str]], Cells]:
    """What puts the cells of a line in the order of the fields: a column, else a constant of the profile, else nothing."""
    constants = [profile.constants.get(name, "") for name in Cells._fields]
    places = (columns.index(name) if name in columns else len(columns) + n for n, name in enumerate(Cells._fields))
    pick = itemgetter(*places)
    return lambda cells: Cells._make(pick(cells + constants))


def _tidy_cells(text: str, delimiter: str) -> list[str] | None:
    """The cells of a line that only has to be cut up, as most have; None for every other."""
    if '"' in text or not is_tidy(text):
        return None
    return [cell.strip() for cell in text.split(delimiter)]


def _take(lines: Lines, first: Line, delimiter: str, width: int) -> tuple[list[str], int] | Fault:
    """The cells of the record that starts at a line, with the lines that its quotes reach over."""
    text = first.text
    more: list[Line] = []
    cells = _cells(text, delimiter)
    while cells is None and len(more) < MOST_LINES_OF_A_RECORD:
        following = next(lines, None)
        if following is None:
            break
        more.append(following)
        text = f"{text}\n{following.text}"
        cells = _cells(text, delimiter)
    if cells is not None and (not more or (len(cells) == width and not any(line.fault for line in more))):
        return cells, more[-1].end if more else first.end
    # A quote too many: the lines after this one are read on their own.
    lines.put_back(more)
    return Fault(first.number, first.end, sentences.QUOTE_OPEN)


def _cells(text: str, delimiter: str) -> list[str] | None:
    """The cells of a record; None when a quote is still open at its end."""
    if '"' not in text:
        return text.split(delimiter)
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        # Over several lines only flawless quotes are believed: two lines with a stray quote each must not become one.
        if "unexpected end" in str(error) or "\n" in text:
            return None
    try:
        # A quote inside quotes that was not doubled: taken as other programs take it.
        return next(csv.reader([text], delimiter=delimiter), [])
    except csv.Error:
        return None


# --- JSON Lines ------------------------------------------------------------------------------------------------------


def _json_records(lines: Lines, profile: Profile) -> Iterator[Record | Fault]:
    separator = profile.contract_separators[:1] or ","
    for line in lines:
        if line.fault:
            yield Fault(line.number, line.end, line.fault)
            continue
        if not line.text.strip():
            continue
        try:
            raw = json.loads(line.text)
        except (ValueError, RecursionError):
            raw = None
        if not isinstance(raw, dict):
            yield Fault(line.number, line.end, sentences.NOT_JSON)
            continue
        named = {profile.columns.get(squeezed(key)): _json_cell(value, separator) for key, value in raw.items()}
        values = {**profile.constants, **{name: cell for name, cell in named.items() if name is not None}}
        yield Record(line.number, line.end, Cells(**values))


def _json_cell(value: Any, separator: str) -> str:
    if value is None or isinstance(value, dict | bool):
        return ""
    if isinstance(value, list):
        return separator.join(_json_cell(part, separator) for part in value)
    return str(value)
