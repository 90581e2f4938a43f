"""Which identifiers the file had already, and on which line: the first line that names one wins.

Kept in a temporary SQLite file that has no name and goes with the process, so that a million lines need no more memory
than ten, a dry run finds the same repetitions as a real one, and importing an unchanged file again writes nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Named(NamedTuple):
    """A line that names an identifier. digest: of its person and contracts; name: of its person, as it is written."""

    agency_id: str
    key: str
    line: int
    digest: str
    name: str


class Seen:
    def __init__(self) -> None:
        self._connection = sqlite3.connect("", isolation_level=None)  # "": a private file, deleted when closed
        self._connection.execute("PRAGMA journal_mode=OFF")
        self._connection.execute("PRAGMA synchronous=OFF")
        self._connection.execute(
            "CREATE TABLE seen (agency TEXT, key TEXT, line INTEGER, digest TEXT, name TEXT, PRIMARY KEY (agency, key)) "
            "WITHOUT ROWID"
        )
        self._connection.execute("BEGIN")

    def repeated(self, lines: Sequence[Named]) -> Mapping[int, Named]:
        """Of the lines that name an identifier again, by their number, which line was the first; all are remembered."""
        added = self._connection.executemany("INSERT INTO seen VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", lines)
        if added.rowcount == len(lines):
            return {}
        firsts = ((this, self._first(this)) for this in lines)
        return {this.line: first for this, first in firsts if first.line != this.line}

    def _first(self, this: Named) -> Named:
        found = self._connection.execute("SELECT * FROM seen WHERE agency = ? AND key = ?", this[:2])
        return Named(*found.fetchone())

    def close(self) -> None:
        self._connection.close()
