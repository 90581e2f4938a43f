"""CSV for people who will open it in a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterable

_FORMULA = frozenset("=+-@\t\r")  # a cell that starts with one is run


def guarded_row(cells: Iterable[str]) -> list[str]:
    """The cells, as text where a spreadsheet would run them as formulas: nothing imported is trusted (CWE-1236)."""
    return [f"'{cell}" if cell[:1] in _FORMULA else cell for cell in cells]


def unguarded(cell: str) -> str:
    """What `guarded_row` was given."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in _FORMULA else cell
