"""Which addresses of clients this machine may connect to: public ones, and private ones that a setting names. Pure.

Sources: RFC 6890 and the IANA registries of special-purpose addresses; RFC 9700 4.11; OWASP ASVS 5 13.2.4.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
# Addresses that carry an IPv4 address inside, so that they lead wherever that one does, and relays to them.
_CARRIERS = tuple(
    ipaddress.ip_network(text)
    for text in ("192.88.99.0/24", "2001::/32", "2002::/16", "64:ff9b::/96", "64:ff9b:1::/48", "::/96", "::ffff:0:0/96")
)
_NAME = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62}))*\.?")
LONGEST = 2000


@lru_cache(maxsize=8)
def networks(setting: str) -> tuple[Network, ...]:
    """The networks of the setting `fetch_allowed_networks`. Raises ValueError for what is none."""
    return tuple(ipaddress.ip_network(one.strip()) for one in setting.split(",") if one.strip())


def allowed(text: str, named: Sequence[Network]) -> bool:
    """Whether an address may be connected to. text: as the resolver gave it. named: of the setting."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if any(address in network for network in named):
        return True
    if any(address in carrier for carrier in _CARRIERS) or address.is_multicast or address.is_reserved:
        return False
    return address.is_global and (address.version == 4 or address in _GLOBAL_V6)


def address_problem(url: str) -> str | None:
    """Why an address cannot be fetched, whatever it leads to; None when it can be.

    Port 443, or one that needs no privilege: the other services of a host do not live there.
    """
    if len(url) > LONGEST or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return "only printable ASCII without spaces and backslashes, 2000 characters at most"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "not a valid address"
    if parts.scheme != "https":
        return "the scheme must be https"
    if parts.username is not None or parts.password is not None:
        return "a user name is not allowed"
    if not host or not (_is_address(host) if ":" in host else _NAME.fullmatch(host)):
        return "the host is missing or malformed"
    if port is not None and port != 443 and port < 1024:
        return "the port must be 443, or 1024 and more"
    return None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return "%" not in host
