"""The merge as a value. Pure.

awaiting_password --the strong account's password--> merged
     |  '--another address is wanted, or the letter was used elsewhere--> cancelled
     '--wrong password: stays, throttled with the account's own count
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class State(StrEnum):
    """What the flow waits for, or how it ended."""

    AWAITING_PASSWORD = "awaiting_password"
    MERGED = "merged"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class MergeFlow:
    """An offer to merge one letter into the strong account of an address.

    It exists only because the letter was proven in `browser_digest`; the account's password is the other proof.
    account_id: the account that the letter was merged into, once it was.
    """

    id: str
    version: int
    state: State
    agency_id: str
    upgrade_flow_id: str
    provisional_account_id: str
    browser_digest: str
    authorization_id: str | None
    email: str
    email_key: str
    account_id: str | None
    created_at: datetime
    expires_at: datetime


def merged(flow: MergeFlow, *, account_id: str) -> MergeFlow:
    """Both proofs are given."""
    return replace(flow, state=State.MERGED, account_id=account_id, version=flow.version + 1)


def cancelled(flow: MergeFlow) -> MergeFlow:
    """Another address is wanted instead."""
    return replace(flow, state=State.CANCELLED, version=flow.version + 1)
