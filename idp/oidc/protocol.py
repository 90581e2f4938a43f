"""The protocol's own failures and a few values that all of `oidc/` shares."""

from __future__ import annotations

from typing import ClassVar

ACR = "1"  # one factor, a password; a second level comes with a second factor
AMR = ("pwd",)


class ProtocolError(Exception):
    """An error that a portal's software reads (RFC 6749 5.2). description: plain ASCII without quotes."""

    status: ClassVar[int] = 400

    def __init__(self, error: str, description: str, *, status: int = 400) -> None:
        super().__init__(error)
        self.error = error
        self.description = description
        self.http_status = status
