"""What a portal knows a person as: the account's id, or a name of its own for each sector (OIDC Core 8).

A pairwise name is derived, not stored: the same person gets the same name in a sector for ever, and two sectors
cannot compare theirs.
"""

from __future__ import annotations

import base64
import hmac
from urllib.parse import urlsplit

from idp.digests import Digests, Kind
from idp.oidc.registration.metadata import Client


def subject(digests: Digests, client: Client, account_id: str) -> str:
    """The `sub` of an account at a client: 43 characters of base64url when pairwise (OIDC Core 8.1)."""
    if client.subject_type != "pairwise":
        return account_id
    named = f"{sector(client)}\n{account_id}"
    raw = hmac.digest(digests.key(Kind.PAIRWISE), named.encode(), "sha256")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def sector(client: Client) -> str:
    """The host that the client's redirect addresses, or the document that lists them, stand at."""
    return urlsplit(client.sector_identifier_uri or client.redirect_uris[0]).hostname or ""
