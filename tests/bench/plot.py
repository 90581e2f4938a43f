"""The picture of a run: processor time of an operation, ours beside the peer's, drawn as SVG without a library."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from tests.bench.windows import Measured

_COLOURS = {"idp": "#8a1c4a", "oidc-provider": "#5b6b7a"}
_ROW, _BAR, _LEFT, _WIDTH = 46, 16, 230, 860


def draw(measured: Sequence[Measured], file: Path) -> None:
    """Write a bar chart of CPU ms per operation, PostgreSQL only; the hatched end of a bar is the database's part."""
    by: dict[str, list[Measured]] = {}
    for one in measured:
        if one.failed is None and one.database == "postgresql" and one.total_ms < 50:
            by.setdefault(one.title, []).append(one)
    most = max((one.total_ms for found in by.values() for one in found), default=1.0)
    height = _ROW * len(by) + 60
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" font-size="13">',
        f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>',
        '<text x="10" y="22">Milliseconds of processor an operation (lighter: the database)</text>',
    ]
    for row, (title, found) in enumerate(by.items()):
        top = 40 + row * _ROW
        parts.append(f'<text x="{_LEFT - 10}" y="{top + 20}" text-anchor="end">{escape(title)}</text>')
        for place, one in enumerate(found):
            parts += _bar(one, top + place * (_BAR + 2), (_WIDTH - _LEFT - 170) / most)
    file.write_text("\n".join([*parts, "</svg>", ""]), encoding="utf-8")


def _bar(one: Measured, top: int, scale: float) -> list[str]:
    database = one.milliseconds.get("database", 0.0)
    own = max(0.0, one.total_ms - database)
    colour = _COLOURS.get(one.provider, "#888")
    at = _LEFT + own * scale
    return [
        f'<rect x="{_LEFT}" y="{top}" width="{own * scale:.1f}" height="{_BAR}" fill="{colour}"/>',
        f'<rect x="{at:.1f}" y="{top}" width="{database * scale:.1f}" height="{_BAR}" fill="{colour}" opacity="0.5"/>',
        f'<text x="{at + database * scale + 6:.1f}" y="{top + 13}">{one.total_ms:.2f} {escape(one.provider)}</text>',
    ]
