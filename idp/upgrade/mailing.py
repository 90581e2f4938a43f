"""The mail that asks for the proof of an address: asked for, asked for again, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from idp.audit import store as audit
from idp.database import transaction
from idp.deps import Deps
from idp.links import store as links
from idp.links.store import LinkKind
from idp.mail import store as mail
from idp.mail.messages import VerifyAddress, Voice
from idp.tenancy import store as tenancy
from idp.throttle import store as throttle
from idp.throttle.store import Limit
from idp.upgrade import store
from idp.upgrade.flow import State, UpgradeFlow
from idp.upgrade.outcomes import UpgradeAt

CODE_DIGITS = 8
# A mail leaves within a second or two; after this the mail server is away, or the address's own puts it off.
LATE = timedelta(seconds=30)


@dataclass(frozen=True)
class Mailing:
    """The newest mail that asks for the proof of a flow's address, whichever tab or device asked for it.

    state: queued, late (queued for longer than mails wait when nothing is away), sent or refused for good. until: when
    its link and code stop working. again: it is not the first.
    """

    state: str
    at: datetime
    until: datetime
    again: bool


def newest(db: Session, deps: Deps, flow: UpgradeFlow) -> Mailing | None:
    """What became of the mail; None when there is none any more."""
    flow_ids = store.flows_of_letter(db, flow.provisional_account_id)
    found = mail.newest_of_flows(db, flow_ids, recipient=flow.email or "")
    if found is None:
        return None
    late = found.state == "queued" and deps.now() - found.at > LATE
    state = "late" if late else found.state
    return Mailing(state, found.at, found.at + deps.settings.link_validity, found.again)


def ask(db: Session, deps: Deps, flow: UpgradeFlow, *, language: str, asked_on: str | None) -> None:
    """Ask for the proof of a newly chosen address: links to another one of the same letter die, and a mail leaves.

    Unless many left for that address within the hour: the waiting page then says from when on one may be asked for.
    """
    assert flow.email_key is not None
    links.void_others(db, flow_ids=store.flows_of_letter(db, flow.provisional_account_id), email_key=flow.email_key)
    if throttle.count(db, deps, _mails_to(deps, flow)) is None:
        _send(db, deps, flow, language, asked_on)


def _send(db: Session, deps: Deps, flow: UpgradeFlow, language: str, asked_on: str | None) -> None:
    """Mail a link and a code."""
    assert flow.email is not None
    assert flow.email_key is not None
    token, code = deps.new_token(256), deps.new_digits(CODE_DIGITS)
    links.issue(
        db,
        deps,
        kind=LinkKind.UPGRADE,
        flow_id=flow.id,
        email_key=flow.email_key,
        token=token,
        asked_on=asked_on,
    )
    links.issue(
        db,
        deps,
        kind=LinkKind.UPGRADE_CODE,
        flow_id=flow.id,
        email_key=flow.email_key,
        token=code,
        within=flow.provisional_account_id,
    )
    mail.enqueue(
        db,
        deps,
        VerifyAddress(
            to=flow.email,
            voice=Voice.of(tenancy.agency(db, flow.agency_id), language),
            link=f"{deps.settings.issuer}/upgrade/confirm/{token}",
            code=code,
            asked_at=deps.now(),
            asked_on=asked_on,
            expires_at=deps.now() + deps.settings.link_validity,
        ),
        flow_id=flow.id,
    )
    audit.record(
        db,
        deps,
        "upgrade.mailed",
        subject=flow.provisional_account_id,
        agency_id=flow.agency_id,
        cause=flow.id,
        address=flow.email_key,
    )


def resend(
    deps: Deps,
    *,
    flow_id: str,
    browser_digest: str,
    version: int | None,
    language: str,
    asked_on: str | None = None,
) -> UpgradeAt:
    """One more mail; those before keep working. A repeated click sends one. Raises TooManyAttempts."""
    with transaction() as db:
        before = store.load(db, flow_id, now=deps.now(), browser_digest=browser_digest)
        if before.state is not State.AWAITING_CONFIRMATION or before.version != version:
            return UpgradeAt(before, browser_digest)
        after = replace(before, version=before.version + 1)
        if not store.save(db, before, after):
            return UpgradeAt(before, browser_digest)
        throttle.admit(db, deps, _mails_to(deps, after))
        _send(db, deps, after, language, asked_on)
    return UpgradeAt(after, browser_digest)


def resend_from(db: Session, deps: Deps, flow: UpgradeFlow) -> datetime | None:
    """The instant from which one more mail may be asked for; None for now."""
    return throttle.blocked_until(db, deps, _mails_to(deps, flow))


def _mails_to(deps: Deps, flow: UpgradeFlow) -> Limit:
    return Limit(f"mails:{flow.email_key}", deps.settings.mails_per_address_per_hour, delay=timedelta(hours=1))
