"""CSV for people who will open it in a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def guarded(cell: Any) -> Any:
    """The cell, as text where a spreadsheet would run it as a formula: nothing imported is trusted (CWE-1236)."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def unguarded(cell: str) -> str:
    """What `guarded` was given."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell


def guarded_row(cells: Iterable[Any]) -> list[Any]:
    return [guarded(cell) for cell in cells]
