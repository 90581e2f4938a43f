"""E-mail addresses: what is accepted, and the one key by which two of them are the same account.

The key keeps look-alikes and case variants from making two accounts, or from dodging a counter (Authelia
CVE-2025-24806, allauth 0.44): NFKC, case folded, domain in its ASCII form. The address itself is kept as typed.
"""

from __future__ import annotations

import re
import unicodedata
from contextlib import suppress
from functools import lru_cache

from idp.errors import AddressMalformed, AddressMissing

LONGEST = 254
_LONGEST_LOCAL = 64
_PLAIN_LOCAL = re.compile(r"[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*")  # valid whatever the domain, and kept as it is


def accepted(typed: str) -> str:
    """The address, trimmed and with its domain in lower case. Raises AddressMissing, AddressMalformed."""
    typed = typed.strip()
    if not typed:
        raise AddressMissing()
    if len(typed) > LONGEST or not typed.isascii():
        raise AddressMalformed()
    local, _, domain = typed.rpartition("@")
    if domain and len(local) <= _LONGEST_LOCAL and _PLAIN_LOCAL.fullmatch(local):
        return f"{local}@{_domain(domain)}"
    return _checked(typed)


@lru_cache(maxsize=4096)
def _domain(domain: str) -> str:
    """The domain as an accepted address has it; remembered, since an agency's people share a few. Raises AddressMalformed."""
    return _checked(f"a@{domain}").partition("@")[2]


def _checked(typed: str) -> str:
    # Slow to import, and needed where an address is chosen, not where somebody signs in.
    from email_validator import EmailNotValidError, validate_email

    try:
        checked = validate_email(typed, check_deliverability=False, test_environment=True, strict=True)
    except EmailNotValidError:
        raise AddressMalformed() from None
    return f"{checked.local_part}@{checked.ascii_domain}"


def masked(address: str) -> str:
    """An address as a reminder for who knows it: `r•••@exemple.org`."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}•••@{domain}"


def key(address: str) -> str:
    """The canonical key of an address, valid or not: throttling needs one for whatever was typed."""
    folded = unicodedata.normalize("NFKC", address).strip().casefold()
    local, at, domain = folded.rpartition("@")
    if not at:
        return folded[:LONGEST]
    domain = domain.rstrip(".")
    with suppress(UnicodeError):  # what is no domain name stays as typed, and finds nobody
        domain = domain.encode("idna").decode("ascii")
    return f"{local}@{domain}"[:LONGEST]
