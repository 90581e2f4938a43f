"""An agency's colour on our pages: always readable, whatever the agency chose.

Contrast is computed as WCAG 2.2 (1.4.3) defines it. On light pages a colour that cannot be read is darkened until it
can; on dark pages it is mixed with white, which keeps its hue and calms it. So branding is data and never an
accessibility fault.
"""

from __future__ import annotations

import colorsys
import re
from dataclasses import dataclass
from functools import lru_cache

DEFAULT = "#1d4f91"
_READABLE = 4.6  # WCAG asks 4.5; the rest is for rounding to whole colours
Rgb = tuple[float, float, float]


@dataclass(frozen=True)
class Brand:
    """Two shades. `light`: for light pages, as text, and under white text. `dark`: for dark pages, as text, and under
    black text.
    """

    light: str
    dark: str

    @staticmethod
    @lru_cache(maxsize=512)
    def of(color: str | None) -> Brand:
        """The shades of a colour `#rrggbb`; of ours when it is missing or malformed."""
        rgb = _parse(color if color and re.fullmatch(r"#[0-9a-fA-F]{6}", color) else DEFAULT)
        return Brand(light=_darkened(rgb), dark=_mixed_with_white(rgb))


def contrast(a: Rgb, b: Rgb) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.2, "contrast ratio")."""
    lighter, darker = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(rgb: Rgb) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _darkened(rgb: Rgb) -> str:
    hue, lightness, saturation = colorsys.rgb_to_hls(*rgb)
    while contrast(rgb, _DAY) < _READABLE and lightness > 0.0:
        lightness = max(0.0, lightness - 0.01)
        rgb = colorsys.hls_to_rgb(hue, lightness, saturation)
    return _written(rgb)


def _mixed_with_white(rgb: Rgb) -> str:
    while contrast(rgb, _NIGHT) < _READABLE:
        red, green, blue = rgb
        rgb = red + (1 - red) * 0.05, green + (1 - green) * 0.05, blue + (1 - blue) * 0.05
    return _written(rgb)


def _written(rgb: Rgb) -> str:
    return "#" + "".join(f"{round(c * 255):02x}" for c in rgb)


def _parse(color: str) -> Rgb:
    red, green, blue = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


# The hardest grounds that the stylesheet puts under a link: its darkest on light pages, its lightest on dark ones.
_DAY: Rgb = _parse("#eef3f9")
_NIGHT: Rgb = _parse("#263349")
