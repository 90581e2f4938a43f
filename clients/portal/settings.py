"""What a portal must be told: its provider, its registration there, its agency."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

PREFIX = "PORTAL_"
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")


class PortalSettingsError(Exception):
    """The settings cannot be used; the message names each wrong one."""


@dataclass(frozen=True, kw_only=True)
class PortalSettings:
    """issuer, base_url: addresses without a final slash. client, societe: the agency's two codes (source, section III).

    secret_key: 32 characters or more; sign-ins that are under way depend on it, so it must outlive a restart.
    """

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    base_url: str
    client: str
    societe: str
    agency_name: str
    secret_key: str = field(repr=False)
    brand_color: str = "#1f4e79"
    support_phone: str = ""
    support_email: str = ""
    scope: str = "openid profile email address phone"

    def __post_init__(self) -> None:
        wrong = [f"{name} is missing" for name in _required() if not getattr(self, name)]
        if not _address(self.issuer):
            wrong.append("issuer must be an http(s) address without a final slash")
        if not _address(self.base_url) or urlsplit(self.base_url).path:
            wrong.append("base_url must be an http(s) origin without a final slash")
        if not _COLOR.fullmatch(self.brand_color):
            wrong.append("brand_color must look like #1f4e79")
        if len(self.secret_key) < 32:
            wrong.append("secret_key must have 32 characters or more")
        if wrong:
            raise PortalSettingsError("; ".join(wrong))

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read PORTAL_ISSUER, PORTAL_CLIENT_ID … ; PORTAL_CLIENT_SECRET_FILE and the like name a file instead."""
        environ = os.environ if environ is None else environ
        given: dict[str, str] = {}
        for f in fields(cls):
            name = PREFIX + f.name.upper()
            if name in environ:
                given[f.name] = environ[name]
            elif f"{name}_FILE" in environ:
                given[f.name] = Path(environ[f"{name}_FILE"]).read_text(encoding="utf-8").strip()
        missing = [PREFIX + name.upper() for name in _required() if name not in given]
        if missing:
            raise PortalSettingsError(f"{', '.join(missing)}: missing")
        return cls(**given)

    @property
    def secure(self) -> bool:
        """True when people reach this portal by https."""
        return self.base_url.startswith("https://")

    @property
    def redirect_uri(self) -> str:
        """To register as `redirect_uris`."""
        return f"{self.base_url}/retour"

    @property
    def initiate_login_uri(self) -> str:
        """To register as `initiate_login_uri` (OIDC Core 4)."""
        return f"{self.base_url}/connexion"

    @property
    def post_logout_redirect_uri(self) -> str:
        """To register as `post_logout_redirect_uris`."""
        return f"{self.base_url}/deconnecte"


def _required() -> list[str]:
    return [f.name for f in fields(PortalSettings) if f.default is MISSING]


def _address(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    whole = parts.scheme in ("http", "https") and bool(parts.hostname)
    return whole and not (parts.query or parts.fragment or address.endswith("/"))
