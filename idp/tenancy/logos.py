"""An agency's logo: what may be one. Pure.

PNG or JPEG: a drawing (SVG) can hold scripts. Small, since it is a part of the weight of every page. Agencies with the
same picture share it; one that nobody shows any more may stay, there are as few as agencies.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

LARGEST_BYTES = 20 * 1024
_SIGNATURES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}


@dataclass(frozen=True)
class Logo:
    """media_type: image/png or image/jpeg."""

    media_type: str
    content: bytes = field(repr=False)

    @property
    def digest(self) -> str:
        """SHA-256, lowercase hex, 64 characters: its address changes with its content."""
        return hashlib.sha256(self.content).hexdigest()


def read(content: bytes) -> Logo:
    """The logo of a file's content. Raises ValueError with the reason for what cannot be one."""
    if len(content) > LARGEST_BYTES:
        raise ValueError(f"{len(content)} bytes are too many: {LARGEST_BYTES} at most, it is loaded with every page")
    for signature, media_type in _SIGNATURES.items():
        if content.startswith(signature):
            return Logo(media_type, content)
    raise ValueError("neither PNG nor JPEG")
