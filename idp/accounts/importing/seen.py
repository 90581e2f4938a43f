"""Which identifiers the file had already, and on which line: the first line that names one wins.

Kept in a temporary SQLite file that has no name and goes with the process, so that a million lines need no more memory
than ten, a dry run finds the same repetitions as a real one, and importing an unchanged file again writes nothing.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass


@dataclass(frozen=True)
class First:
    """The first line of an identifier. digest: of its person and contracts; name: of its person."""

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

    def first(self, agency_id: str, key: str, this: First) -> First | None:
        """The line that named the identifier before; None when `this` is the first, which is then remembered."""
        added = self._connection.execute(
            "INSERT INTO seen VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (agency_id, key, this.line, this.digest, this.name),
        )
        if added.rowcount == 1:
            return None
        row = self._connection.execute(
            "SELECT line, digest, name FROM seen WHERE agency = ? AND key = ?", (agency_id, key)
        ).fetchone()
        return First(*row)

    def close(self) -> None:
        self._connection.close()
