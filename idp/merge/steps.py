"""What the person does in a merge, one function an act (source, section II).

Merging is account linking, the highest-value target of an identity provider: both proofs are required in the same
browser, each is checked on the stored row, and all of it happens in one transaction. The `sub` never changes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from idp.accounts import store as accounts
from idp.accounts.memberships import store as memberships
from idp.audit import store as audit
from idp.database import reading, transaction
from idp.deps import Deps
from idp.errors import MergeImpossible, MergePasswordWrong, PasswordMissing
from idp.links import store as links
from idp.links.store import LinkKind
from idp.mail import store as mail
from idp.mail.messages import AccountMerged, Voice
from idp.merge import flow as rules
from idp.merge import store
from idp.merge.flow import MergeFlow, State
from idp.patience import again
from idp.sessions import store as sessions
from idp.tenancy import store as tenancy
from idp.throttle import store as throttle
from idp.throttle.devices import Device


@dataclass(frozen=True)
class MergeAt:
    """The flow is here now: go to the page of its state."""

    flow: MergeFlow


@dataclass(frozen=True)
class Merged:
    """The letter's contracts are attached and this browser is signed in; the page that says so comes next."""

    flow: MergeFlow
    session_token: str = field(repr=False)

    @property
    def proven(self) -> str:
        """Canonical key of the address that the person has."""
        return self.flow.email_key


@dataclass(frozen=True)
class OtherAddressWanted:
    """Back to the address of the upgrade that led here."""

    flow: MergeFlow


def offer(
    deps: Deps,
    *,
    upgrade_flow_id: str,
    agency_id: str,
    provisional_account_id: str,
    browser_digest: str,
    authorization_id: str | None,
    email: str,
    email_key: str,
) -> MergeAt:
    """Open the offer that an upgrade led to, or find the one that is open already."""
    now = deps.now()
    with transaction() as db:
        known = store.offered(db, upgrade_flow_id, browser_digest=browser_digest, email_key=email_key)
        if known is not None:
            return MergeAt(known)
        flow = MergeFlow(
            id=deps.new_token(128),
            version=1,
            state=State.AWAITING_PASSWORD,
            agency_id=agency_id,
            upgrade_flow_id=upgrade_flow_id,
            provisional_account_id=provisional_account_id,
            browser_digest=browser_digest,
            authorization_id=authorization_id,
            email=email,
            email_key=email_key,
            account_id=None,
            created_at=now,
            expires_at=now + deps.settings.flow_validity,
        )
        store.add(db, flow)
        audit.record(db, deps, "merge.offered", subject=provisional_account_id, agency_id=agency_id, cause=flow.id)
    return MergeAt(flow)


def submit_password(
    deps: Deps,
    *,
    flow_id: str,
    browser_digest: str,
    password: str,
    network: str,
    language: str,
    device: Device | None = None,
) -> MergeAt | Merged:
    """The strong account's password, which completes the proof of both sides.

    Raises PasswordMissing, TooManyAttempts (the account's own count: this page is no second set of guesses),
    MergePasswordWrong, MergeImpossible, Overloaded, FlowUnknown, FlowExpired.
    """
    if not password:
        raise PasswordMissing()
    with transaction() as db:
        flow = store.load(db, flow_id, now=deps.now(), browser_digest=browser_digest)
        if flow.state is not State.AWAITING_PASSWORD:
            return MergeAt(flow)
        account = accounts.account_by_email(db, flow.email_key)
        counted = throttle.guess(db, deps, flow.email_key, device=device, network_address=network)
    with throttle.evaluating(deps, *counted.limits):
        right = deps.hasher.verify(password, account.password_hash if account else None, counted.by)
    if account is None or not right or not account.active:
        with transaction() as db:
            audit.record(
                db,
                deps,
                "merge.refused",
                subject=account.id if account else None,
                cause=flow.id,
                network=network,
                address=flow.email_key,
            )
        raise MergePasswordWrong()
    return _merge(deps, flow, account, counted, language=language)


@again
def _merge(
    deps: Deps,
    flow: MergeFlow,
    account: accounts.StrongAccount,
    counted: throttle.Guess,
    *,
    language: str,
) -> MergeAt | Merged:
    """All of the merge, or nothing. Two at once: closing the letter is one guarded statement, and one of them wins."""
    now = deps.now()
    token = deps.new_token(256)
    with transaction() as db:
        letter = accounts.letter_to_use_up(db, flow.provisional_account_id)
        # Before the flow's row, as an erasure does: each would hold what the other waits for.
        if not accounts.hold(db, account.id):
            raise MergeImpossible(agency_id=flow.agency_id, authorization_id=flow.authorization_id)
        after = rules.merged(flow, account_id=account.id)
        if not store.save(db, flow, after):
            return MergeAt(store.load(db, flow.id, now=now, browser_digest=flow.browser_digest))
        membership_id = deps.new_id()
        if not accounts.close_letter(db, letter.id, now=now) or not accounts.join(
            db, membership_id=membership_id, account_id=account.id, letter=letter, origin="merge", now=now
        ):
            raise MergeImpossible(agency_id=flow.agency_id, authorization_id=flow.authorization_id)
        store.cancel_others(db, flow_id=flow.id, provisional_account_id=letter.id)
        links.void_of_address(db, kind=LinkKind.RESET, email_key=account.email_key)
        mail.enqueue(
            db,
            deps,
            AccountMerged(
                to=account.email,
                voice=Voice.of(tenancy.agency(db, flow.agency_id), language),
                merged_at=now,
                link=f"{deps.settings.issuer}/profile",
            ),
            flow_id=flow.id,
        )
        signed_in = sessions.start(
            db, deps, account_id=account.id, email=account.email, browser_digest=flow.browser_digest, token=token
        )
        audit.record(
            db,
            deps,
            "merge.completed",
            subject=account.id,
            agency_id=flow.agency_id,
            cause=flow.id,
            letter=letter.id,
            membership=membership_id,
            session=signed_in.sid,
        )
        throttle.right(db, deps, counted)
    return Merged(after, token)


def want_other_address(deps: Deps, *, flow_id: str, browser_digest: str) -> MergeAt | OtherAddressWanted:
    """The person would rather use another address than merge."""
    with transaction() as db:
        flow = store.load(db, flow_id, now=deps.now(), browser_digest=browser_digest)
        if flow.state is State.MERGED or not store.save(db, flow, rules.cancelled(flow)):
            return MergeAt(flow)
    return OtherAddressWanted(flow)


def associated(flow: MergeFlow) -> list[memberships.Place]:
    """The places that are now one account, for the page that says so; empty before the merge."""
    if flow.account_id is None:
        return []
    with reading() as db:
        return memberships.places(db, flow.account_id)
