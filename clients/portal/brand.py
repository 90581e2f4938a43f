"""The agency's colour, kept readable: white on it, and it on the pages, have enough contrast (WCAG 1.4.3)."""

from __future__ import annotations

ENOUGH = 4.5
GROUND = "#f4f5f8"  # of the pages; white is lighter still


def readable(color: str) -> str:
    """The colour, darkened step by step until it can be read on the pages' ground; `#rrggbb`."""
    red, green, blue = _channels(color)
    while contrast(f"#{red:02x}{green:02x}{blue:02x}", GROUND) < ENOUGH:
        red, green, blue = (int(channel * 0.92) for channel in (red, green, blue))
    return f"#{red:02x}{green:02x}{blue:02x}"


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.2, relative luminance)."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(color: str) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (x / 255 for x in _channels(color))]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _channels(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)
