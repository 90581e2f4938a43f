"""Reading an export: bytes in, records out, each with the line of the file where it starts. Memory stays flat.

Made for files as they are: cp1252 or UTF-8, with or without a byte order mark, `;` `,` tab or `|`, line breaks inside
quotes, JSON Lines. One bad line costs that line: a quote that is never closed must not swallow the rest of the file.
"""

from __future__ import annotations

import csv
import json
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from idp.accounts.importing import sentences
from idp.accounts.importing.cells import is_tidy
from idp.accounts.importing.profile import REQUIRED, Profile, squeezed
from idp.accounts.importing.sentences import FIELDS

DELIMITERS = (";", ",", "\t", "|")
LONGEST_LINE = 100_000  # bytes
MOST_LINES_OF_A_RECORD = 30
_BOM = b"\xef\xbb\xbf"


class Unusable(Exception):
    """Nothing of the file can be read; the message is a French sentence."""


@dataclass(frozen=True)
class Record:
    """The cells of one line by field. end: bytes of the file read so far.

    tidy: every field is there, as `cells.text` leaves it; otherwise cells are raw, and absent ones are empty.
    """

    line: int
    end: int
    values: Mapping[str, str] = field(repr=False)
    tidy: bool = False


@dataclass(frozen=True)
class Fault:
    """A line that cannot be taken apart, and why."""

    line: int
    end: int
    reason: str


class _Line(NamedTuple):
    """A physical line without its end. fault: why its text cannot be relied on; empty for a good line."""

    number: int
    end: int
    text: str
    fault: str = ""


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
        with self.path.open("rb") as file:
            lines = _Lines(file, self.encoding)
            for _ in range(self.header_lines):
                next(lines)
            yield from _json_records(lines, self.profile) if self.delimiter is None else _csv_records(lines, self)


def examine(path: Path, profile: Profile) -> Export:
    """Find out how a file is written. Raises Unusable, and OSError when it cannot be opened."""
    with path.open("rb") as file:
        start = file.read(4096)
        if start.startswith((b"\xff\xfe", b"\xfe\xff")) or _looks_like_utf16(start):
            raise Unusable(sentences.UTF16)
        if b"\x00" in start:
            raise Unusable(sentences.BINARY)
        if not start.removeprefix(_BOM).strip():
            raise Unusable(sentences.EMPTY)
        file.seek(0)
        encoding = _encoding(file)
        size = file.tell()
        file.seek(0)
        lines = _Lines(file, encoding)
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


# --- encoding and lines ----------------------------------------------------------------------------------------------


def _encoding(file: BinaryIO) -> str:
    """utf-8 or cp1252, from the whole file, which is read to its end: the first accent may stand in the last line.

    A line of cp1252 that happens to be UTF-8 hardly exists, so the majority of the lines with accents decides, and a
    few broken lines do not turn the accents of all others into garbage.
    """
    utf8 = other = 0
    if file.read(3) == _BOM:
        utf8 = 1_000_000_000  # it says so itself
    while line := file.readline(LONGEST_LINE):
        if line.isascii():
            continue
        try:
            line.decode("utf-8")
            utf8 += 1
        except UnicodeDecodeError:
            other += 1
    return "utf-8" if utf8 >= other else "cp1252"


def _looks_like_utf16(start: bytes) -> bool:
    """Text in UTF-16 without a mark: every other byte of a Latin text is zero."""
    return len(start) >= 8 and (start[1:40:2].count(0) > 10 or start[0:40:2].count(0) > 10)


class _Lines:
    """The physical lines of a file, numbered from 1, with a way to put some back."""

    def __init__(self, file: BinaryIO, encoding: str) -> None:
        self._file = file
        self._encoding = encoding
        self._number = self._end = 0
        self._back: deque[_Line] = deque()

    def __iter__(self) -> Iterator[_Line]:
        return self

    def __next__(self) -> _Line:
        if self._back:
            return self._back.popleft()
        raw = self._file.readline(LONGEST_LINE + 1)
        if not raw:
            raise StopIteration
        self._number += 1
        self._end += len(raw)
        if len(raw) > LONGEST_LINE:
            while raw and not raw.endswith(b"\n"):
                raw = self._file.readline(LONGEST_LINE)
                self._end += len(raw)
            return _Line(self._number, self._end, "", sentences.TOO_LONG.format(limit=LONGEST_LINE))
        if self._number == 1:
            raw = raw.removeprefix(_BOM)
        raw = raw.rstrip(b"\r\n")
        try:
            return _Line(self._number, self._end, raw.decode(self._encoding))
        except UnicodeDecodeError:
            text = raw.decode(self._encoding, "replace")
            return _Line(self._number, self._end, text, sentences.UNREADABLE.format(encoding=self._encoding))

    def put_back(self, lines: list[_Line]) -> None:
        self._back.extendleft(reversed(lines))


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


def _csv_records(lines: _Lines, export: Export) -> Iterator[Record | Fault]:
    width, delimiter = len(export.columns), export.delimiter or ";"
    given = {**dict.fromkeys(FIELDS, ""), **export.profile.constants}
    for first in lines:
        if first.fault:
            yield Fault(first.number, first.end, first.fault)
            continue
        tidy = _tidy_cells(first.text, delimiter)
        if tidy is not None and len(tidy) == width and any(tidy):
            values = {name: cell for name, cell in zip(export.columns, tidy, strict=True) if name is not None}
            yield Record(first.number, first.end, {**given, **values}, tidy=True)
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
        values = {name: cell for name, cell in zip(export.columns, cells, strict=True) if name is not None}
        yield Record(first.number, end, {**export.profile.constants, **values})


def _tidy_cells(text: str, delimiter: str) -> list[str] | None:
    """The cells of a line that only has to be cut up, as most have; None for every other."""
    if '"' in text or not is_tidy(text):
        return None
    return [cell.strip() for cell in text.split(delimiter)]


def _take(lines: _Lines, first: _Line, delimiter: str, width: int) -> tuple[list[str], int] | Fault:
    """The cells of the record that starts at a line, with the lines that its quotes reach over."""
    text = first.text
    more: list[_Line] = []
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


def _json_records(lines: _Lines, profile: Profile) -> Iterator[Record | Fault]:
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
        yield Record(line.number, line.end, values)


def _json_cell(value: Any, separator: str) -> str:
    if value is None or isinstance(value, dict | bool):
        return ""
    if isinstance(value, list):
        return separator.join(_json_cell(part, separator) for part in value)
    return str(value)
