"""What the chain is made of: keyed hashes over an event, over its place, and over the place where the old end was cut.

    mac    = HMAC(event key, the event's columns)                  by the writer, in the transaction of the deed
    link   = HMAC(link key, position, link before, mac, sealed_at) by the sealer, a moment later
    anchor = HMAC(anchor key, position, link, sealed_at)           by the purge, and after another master secret

The keys derive from the master secret, so whoever has the database alone can make none of them (decision 0013).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from idp.digests import Digests, Kind, same

# The columns of an event that its mac covers, in this order.
COLUMNS = (
    "id",
    "at",
    "name",
    "subject",
    "agency_id",
    "cause",
    "request",
    "network_digest",
    "address_digest",
    "details",
)


@dataclass(frozen=True)
class Place:
    """A link of the chain. sealed_at: when it was put there; None before the first one."""

    position: int
    link: str
    sealed_at: datetime | None


START = Place(0, "0" * 64, None)


def event_mac(digests: Digests, event: Mapping[str, Any]) -> str:
    """event: the values of COLUMNS, as written or as read again."""
    # Through JSON and back: what a tuple or a number as a key becomes in the database.
    details = json.loads(json.dumps(event["details"]))
    columns = [details if name == "details" else _plain(event[name]) for name in COLUMNS]
    return digests.digest(Kind.AUDIT_EVENT, json.dumps(columns, sort_keys=True, separators=(",", ":")))


def following(digests: Digests, before: Place, mac: str, *, sealed_at: datetime) -> Place:
    """The place after this one, for the event of this mac."""
    position = before.position + 1
    text = f"{position}:{before.link}:{mac}:{_plain(sealed_at)}"
    return Place(position, digests.digest(Kind.AUDIT_LINK, text), sealed_at)


def anchor_mac(digests: Digests, place: Place) -> str:
    return digests.digest(Kind.AUDIT_ANCHOR, f"{place.position}:{place.link}:{_plain(place.sealed_at)}")


def genuine(given: str, computed: str) -> bool:
    return same(given, computed)


def _plain(value: Any) -> Any:
    return value.astimezone(UTC).isoformat(timespec="microseconds") if isinstance(value, datetime) else value
