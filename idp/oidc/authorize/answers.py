"""The answer to an authorization request, as it leaves: in the query, in the fragment, or posted by the browser. Pure.

Sources: RFC 6749 4.1.2 and 4.2.2, OAuth 2.0 Multiple Response Types, OAuth 2.0 Form Post Response Mode, RFC 9207.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote_plus, urlencode, urlsplit

FORM_POST = "form_post"  # the response mode whose answer is a page


@dataclass(frozen=True)
class Answered:
    """Send the browser to the portal: the address holds a code, tokens or an error."""

    location: str = field(repr=False)


@dataclass(frozen=True)
class Posted:
    """Let the browser post the fields to the portal, by a page of ours that submits itself."""

    redirect_uri: str
    fields: Mapping[str, str] = field(repr=False)


def carry(redirect_uri: str, response_mode: str, **parameters: str) -> Answered | Posted:
    """The answer in a response mode; empty parameters are left out (RFC 6749 4.1.2)."""
    filled = {name: value for name, value in parameters.items() if value}
    if response_mode == FORM_POST:
        return Posted(redirect_uri, filled)
    if response_mode == "fragment":
        return Answered(f"{redirect_uri}#{urlencode(filled)}")  # a registered address has no fragment of its own
    return Answered(in_query(redirect_uri, **filled))


def in_query(uri: str, **parameters: str) -> str:
    """An address with parameters added to its query; empty ones are left out."""
    added = "&".join(f"{name}={quote_plus(value)}" for name, value in parameters.items() if value)
    if not added:
        return uri
    address, mark, fragment = uri.partition("#")
    joint = "?" if "?" not in address else "" if address.endswith("?") else "&"
    return f"{address}{joint}{added}{mark}{fragment}"


def origin(uri: str) -> str:
    """Scheme, host and port of an address, as a CSP source; empty for a private scheme."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("http", "https") else f"{parts.scheme}:"
