"""The reset as a value. Pure.

awaiting_link --new password, on the page of the mailed link--> completed
awaiting_link --another proof of the account, or a newer reset--> cancelled
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class State(StrEnum):
    """What the flow waits for, or how it ended."""

    AWAITING_LINK = "awaiting_link"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class ResetFlow:
    """One request for a new password. account_id: None when nobody has the address, which no page shows.

    merge_flow_id: the merge that was left to reset the password, and is taken up again afterwards.
    """

    id: str
    version: int
    state: State
    agency_id: str | None
    account_id: str | None
    browser_digest: str
    authorization_id: str | None
    merge_flow_id: str | None
    email: str
    created_at: datetime
    expires_at: datetime


def names_a_letter(identifier: str) -> bool:
    """Whether what was typed is no address, so perhaps a letter's identifier.

    Decided from the text alone, so that it tells nothing about who has an account or a letter.
    """
    return bool(identifier.strip()) and "@" not in identifier


def completed(flow: ResetFlow) -> ResetFlow:
    """The new password is set."""
    return replace(flow, state=State.COMPLETED, version=flow.version + 1)
