"""An agency's colour on our pages: always readable, whatever the agency chose.

Contrast is computed as WCAG 2.2 (1.4.3) defines it, and a colour that white text cannot be read on is darkened until
it can, so that branding is data and never an accessibility fault.
"""

from __future__ import annotations

import colorsys
import re
from dataclasses import dataclass
from functools import lru_cache

DEFAULT = "#1d4f91"
_READABLE = 4.5
Rgb = tuple[float, float, float]


@dataclass(frozen=True)
class Brand:
    """Two shades: `light` for light pages (white text on it is readable), `dark` for dark pages (black text is)."""

    light: str
    dark: str

    @staticmethod
    @lru_cache(maxsize=512)
    def of(color: str | None) -> Brand:
        """The shades of a colour `#rrggbb`; of ours when it is missing or malformed."""
        rgb = _parse(color if color and re.fullmatch(r"#[0-9a-fA-F]{6}", color) else DEFAULT)
        return Brand(light=_until_readable(rgb, (1.0, 1.0, 1.0), -0.02), dark=_until_readable(rgb, _NIGHT, 0.02))


_NIGHT: Rgb = (0.078, 0.094, 0.125)


def contrast(a: Rgb, b: Rgb) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.2, "contrast ratio")."""
    lighter, darker = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(rgb: Rgb) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _until_readable(rgb: Rgb, against: Rgb, step: float) -> str:
    hue, lightness, saturation = colorsys.rgb_to_hls(*rgb)
    while contrast(rgb, against) < _READABLE and 0.0 <= lightness + step <= 1.0:
        lightness += step
        rgb = colorsys.hls_to_rgb(hue, lightness, saturation)
    return "#" + "".join(f"{round(c * 255):02x}" for c in rgb)


def _parse(color: str) -> Rgb:
    red, green, blue = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue
