"""The physical lines of an export: numbered, decoded, each of bounded length, whatever the file is."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from idp.accounts.importing import sentences

LONGEST_LINE = 100_000  # bytes
BOM = b"\xef\xbb\xbf"


class Line(NamedTuple):
    """A physical line without its end. fault: why its text cannot be relied on; empty for a good line."""

    number: int
    end: int
    text: str
    fault: str = ""


def encoding_of(file: BinaryIO) -> str:
    """utf-8 or cp1252, from the whole file, which is read to its end: the first accent may stand in the last line.

    A line of cp1252 that happens to be UTF-8 hardly exists, so the majority of the lines with accents decides, and a
    few broken lines do not turn the accents of all others into garbage.
    """
    utf8 = other = 0
    if file.read(3) == BOM:
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


def looks_like_utf16(start: bytes) -> bool:
    """Text in UTF-16 without a mark: every other byte of a Latin text is zero."""
    return len(start) >= 8 and (start[1:40:2].count(0) > 10 or start[0:40:2].count(0) > 10)


class Lines:
    """The physical lines of a file, numbered from 1, with a way to put some back."""

    def __init__(self, file: BinaryIO, encoding: str) -> None:
        self._file = file
        self._encoding = encoding
        self._number = self._end = 0
        self._back: deque[Line] = deque()

    def __iter__(self) -> Iterator[Line]:
        return self

    def __next__(self) -> Line:
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
            return Line(self._number, self._end, "", sentences.TOO_LONG.format(limit=LONGEST_LINE))
        if self._number == 1:
            raw = raw.removeprefix(BOM)
        raw = raw.rstrip(b"\r\n")
        try:
            return Line(self._number, self._end, raw.decode(self._encoding))
        except UnicodeDecodeError:
            text = raw.decode(self._encoding, "replace")
            return Line(self._number, self._end, text, sentences.UNREADABLE.format(encoding=self._encoding))

    def put_back(self, lines: list[Line]) -> None:
        self._back.extendleft(reversed(lines))
