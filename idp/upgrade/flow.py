"""The upgrade as a value: its states, and what each act of the person makes of it. Pure.

awaiting_email --address--> awaiting_password --password, terms--> awaiting_confirmation --link or code--> completed
     ^   |                        |                                        |
     |   '--address of somebody's strong account--> handed_to_merge        |
     '-------------- earlier steps stay reachable; acting there moves back '

any open state --the letter was used elsewhere--> cancelled
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum


class State(StrEnum):
    """What the flow waits for, or how it ended."""

    AWAITING_EMAIL = "awaiting_email"
    AWAITING_PASSWORD = "awaiting_password"
    AWAITING_CONFIRMATION = "awaiting_confirmation"
    COMPLETED = "completed"
    HANDED_TO_MERGE = "handed_to_merge"
    CANCELLED = "cancelled"


OPEN = frozenset({State.AWAITING_EMAIL, State.AWAITING_PASSWORD, State.AWAITING_CONFIRMATION, State.HANDED_TO_MERGE})


@dataclass(frozen=True)
class UpgradeFlow:
    """One run of an upgrade in one browser tab.

    browser_digest: who may act on it. password_browser_digest: who chose the password, and so may confirm by code
    alone. version: grows with each change; a form says which one it was rendered with.
    account_id: once completed. followed_at: when the waiting browser was signed in, which happens once.
    """

    id: str
    version: int
    state: State
    agency_id: str
    provisional_account_id: str
    browser_digest: str
    authorization_id: str | None
    email: str | None
    email_key: str | None
    password_hash: str | None = field(repr=False)
    password_browser_digest: str | None
    terms_id: str | None
    account_id: str | None
    followed_at: datetime | None
    created_at: datetime
    expires_at: datetime

    @property
    def open(self) -> bool:
        return self.state in OPEN

    @property
    def code_suffices(self) -> bool:
        """Whether the mailed code alone confirms: only in the browser where the password was just chosen."""
        return self.password_browser_digest == self.browser_digest


def start(
    *,
    flow_id: str,
    agency_id: str,
    provisional_account_id: str,
    suggested_email: str | None,
    browser_digest: str,
    authorization_id: str | None,
    resumes: UpgradeFlow | None,
    anew: bool,
    now: datetime,
    expires_at: datetime,
) -> UpgradeFlow:
    """A new flow for a letter that was just proven; it goes on where an unfinished one of the same letter was left.

    Each tab has a flow of its own, so that each finishes its own pending authorization.
    anew: from the address on, which is still filled in (source: "revenir à la 1ère étape").
    """
    fresh = UpgradeFlow(
        id=flow_id,
        version=1,
        state=State.AWAITING_EMAIL,
        agency_id=agency_id,
        provisional_account_id=provisional_account_id,
        browser_digest=browser_digest,
        authorization_id=authorization_id,
        email=suggested_email,
        email_key=None,
        password_hash=None,
        password_browser_digest=None,
        terms_id=None,
        account_id=None,
        followed_at=None,
        created_at=now,
        expires_at=expires_at,
    )
    if resumes is None:
        return fresh
    if anew or resumes.state is State.HANDED_TO_MERGE:
        # A merge is offered again from the address: whether the address is somebody's may have changed since.
        return replace(fresh, email=resumes.email, email_key=resumes.email_key)
    return replace(
        fresh,
        state=resumes.state,
        email=resumes.email,
        email_key=resumes.email_key,
        password_hash=resumes.password_hash,
        password_browser_digest=resumes.password_browser_digest,
        terms_id=resumes.terms_id,
    )


def choose_address(flow: UpgradeFlow, *, email: str, email_key: str, is_strong: bool) -> UpgradeFlow:
    """The address was chosen. Another one than before voids the password that was chosen with it.

    is_strong: the address is already the identifier of a strong account, so the person is asked to merge.
    """
    if is_strong:
        return _without_password(flow, State.HANDED_TO_MERGE, email, email_key)
    if flow.email_key == email_key and flow.password_hash is not None:
        return _changed(flow, state=State.AWAITING_CONFIRMATION, email=email)
    return _without_password(flow, State.AWAITING_PASSWORD, email, email_key)


def choose_password(flow: UpgradeFlow, *, password_hash: str, terms_id: str) -> UpgradeFlow:
    """The password was chosen and the terms accepted; a mail must now prove the address."""
    return _changed(
        flow,
        state=State.AWAITING_CONFIRMATION,
        password_hash=password_hash,
        password_browser_digest=flow.browser_digest,
        terms_id=terms_id,
    )


def confirm(flow: UpgradeFlow, *, account_id: str | None, followed_at: datetime | None) -> UpgradeFlow:
    """The address is proven and the password typed. account_id: the new account.

    None: the address became a strong account while the mail was in flight, so the person is led to merge.
    followed_at: set when the browser that confirms is the one that waits, which needs no second sign-in.
    """
    if account_id is None:
        return _changed(flow, state=State.HANDED_TO_MERGE, password_hash=None, password_browser_digest=None)
    return _changed(flow, state=State.COMPLETED, account_id=account_id, password_hash=None, followed_at=followed_at)


def back_to_address(flow: UpgradeFlow) -> UpgradeFlow:
    """From the merge page: another address is wanted."""
    return _changed(flow, state=State.AWAITING_EMAIL) if flow.state is State.HANDED_TO_MERGE else flow


def _without_password(flow: UpgradeFlow, state: State, email: str, email_key: str) -> UpgradeFlow:
    return _changed(
        flow,
        state=state,
        email=email,
        email_key=email_key,
        password_hash=None,
        password_browser_digest=None,
        terms_id=None,
    )


def _changed(flow: UpgradeFlow, **values: object) -> UpgradeFlow:
    return replace(flow, version=flow.version + 1, **values)  # type: ignore[arg-type]
