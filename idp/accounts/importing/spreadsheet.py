"""CSV for people who will open it in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

_FORMULA = frozenset("=+-@\t\r")  # a cell that starts with one is run


def guarded_row(cells: Iterable[str]) -> list[str]:
    """The cells, as text where a spreadsheet would run them as formulas: nothing imported is trusted (CWE-1236)."""
    return [f"'{cell}" if cell[:1] in _FORMULA else cell for cell in cells]


def unguarded(cell: str) -> str:
    """What `guarded_row` was given."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in _FORMULA else cell


def row(cells: Sequence[str]) -> str:
    """A line of a file with semicolons, as `csv.writer` writes it; most need no quotes, which is seen at once."""
    line = ";".join(cells)
    if '"' not in line and "\n" not in line and "\r" not in line and line.count(";") < len(cells):
        return f"{line}\r\n"
    text = io.StringIO()
    csv.writer(text, delimiter=";", lineterminator="\r\n").writerow(cells)
    return text.getvalue()
