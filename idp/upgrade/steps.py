"""What the person does in an upgrade, one function an act: load, decide, save, mail, audit. Passwords are hashed between
transactions, never in one. Every act checks on the stored row what was proven before it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta

from sqlalchemy.orm import Session

from idp.accounts import addresses
from idp.accounts import store as accounts
from idp.audit import store as audit
from idp.database import reading, transaction
from idp.deps import Deps
from idp.errors import (
    AlreadyUpgraded,
    ChosenPasswordWrong,
    CodeMissing,
    CodeWrong,
    ConfirmationDiffers,
    LetterExpired,
    LinkUnknown,
    LinkUsed,
    PasswordMissing,
    ProvisionalIdentifierMissing,
    ProvisionalPasswordMissing,
    StalePage,
    TermsNotAccepted,
    TermsUnpublished,
    TooManyAddresses,
    WrongProvisional,
)
from idp.links import store as links
from idp.links.store import LinkKind, Mailed
from idp.mail import store as mail
from idp.mail.messages import VerifyAddress
from idp.passwords import policy
from idp.sessions import store as sessions
from idp.tenancy import store as tenancy
from idp.terms import store as terms
from idp.throttle import store as throttle
from idp.throttle.store import Limit
from idp.upgrade import flow as rules
from idp.upgrade import store
from idp.upgrade.flow import State, UpgradeFlow

CODE_DIGITS = 8


@dataclass(frozen=True)
class UpgradeAt:
    """The flow is here now: go to the page of its state."""

    flow: UpgradeFlow
    browser_digest: str


@dataclass(frozen=True)
class UpgradeCompleted:
    """The account is up to date and this browser is signed in. here: it is the browser that started the flow."""

    flow: UpgradeFlow
    session_token: str = field(repr=False)
    here: bool


Outcome = UpgradeAt | UpgradeCompleted


def prove_letter(
    deps: Deps,
    *,
    agency_id: str,
    identifier: str,
    password: str,
    browser_digest: str,
    network: str,
    authorization_id: str | None,
    anew: bool = False,
) -> UpgradeAt:
    """Provisional credentials give an upgrade flow and nothing else: no session, no token.

    anew: the person went back to the first step, so the address is asked again; else the flow goes on where it was left.
    Raises ProvisionalIdentifierMissing, ProvisionalPasswordMissing, TooManyAttempts, WrongProvisional (unknown and
    wrong alike, in words and in time), and for the right credentials only: AlreadyUpgraded, LetterExpired.
    """
    if not identifier.strip():
        raise ProvisionalIdentifierMissing()
    if not password:
        raise ProvisionalPasswordMissing()
    own = throttle.account(deps.settings, f"{agency_id}:{accounts.identifier_key(identifier)}")
    shared = throttle.network(deps.settings, network), throttle.agency(deps.settings, agency_id)
    with transaction() as db:
        throttle.admit(db, deps, own, *shared)
        letter = accounts.letter_by_identifier(db, agency_id, identifier)
    proven = deps.hasher.verify(password, letter.password_digest if letter else None)
    if letter is None or not proven:
        with transaction() as db:
            audit.record(db, deps, "upgrade.refused", agency_id=agency_id, network=network)
        raise WrongProvisional()
    with transaction() as db:
        throttle.succeeded(db, deps, own, *shared)
    now = deps.now()
    if letter.closed:
        raise AlreadyUpgraded(agency_id=agency_id, authorization_id=authorization_id)
    if letter.expires_at <= now:
        raise LetterExpired(agency_id=agency_id, authorization_id=authorization_id)
    with transaction() as db:
        flow = rules.start(
            flow_id=deps.new_token(128),
            agency_id=agency_id,
            provisional_account_id=letter.id,
            suggested_email=letter.suggested_email,
            browser_digest=browser_digest,
            authorization_id=authorization_id,
            resumes=store.latest_open(db, letter.id, now=now),
            anew=anew,
            now=now,
            expires_at=now + deps.settings.flow_validity,
        )
        store.add(db, flow)
        audit.record(
            db, deps, "upgrade.started", subject=letter.id, agency_id=agency_id, cause=flow.id, network=network
        )
    return UpgradeAt(flow, browser_digest)


def choose_address(deps: Deps, *, flow_id: str, browser_digest: str, version: int | None, typed: str) -> UpgradeAt:
    """The address that becomes the identifier. One that is already somebody's leads to merge.

    Raises AddressMissing, AddressMalformed, TooManyAddresses, StalePage, FlowUnknown, FlowExpired.
    """
    email = addresses.accepted(typed)
    key = addresses.key(email)
    with transaction() as db:
        before = store.load(db, flow_id, now=deps.now(), browser_digest=browser_digest)
        if not before.open or (before.version != version and before.email_key == key):
            return UpgradeAt(before, browser_digest)
        if before.version != version:
            raise StalePage()
        if before.email_key != key and throttle.count(db, deps, _addresses_of_letter(deps, before)) is not None:
            raise TooManyAddresses()
        strong = accounts.account_by_email(db, key)
        after = rules.choose_address(before, email=email, email_key=key, is_strong=strong is not None)
        if not store.save(db, before, after):
            raise StalePage()
    return UpgradeAt(after, browser_digest)


def choose_password(
    deps: Deps,
    *,
    flow_id: str,
    browser_digest: str,
    version: int | None,
    new_password: str,
    confirmation: str,
    terms_accepted: bool,
) -> UpgradeAt:
    """The strong password and the terms; the verification mail leaves with the same transaction.

    Raises PasswordTooWeak, PasswordTooLong, ConfirmationDiffers, TermsNotAccepted, TermsUnpublished, StalePage,
    Overloaded, FlowUnknown, FlowExpired.
    """
    with reading() as db:
        before = store.load(db, flow_id, now=deps.now(), browser_digest=browser_digest)
        letter = accounts.letter(db, before.provisional_account_id)
        terms_id = terms.current_id(db)
    if before.state not in (State.AWAITING_PASSWORD, State.AWAITING_CONFIRMATION):
        return UpgradeAt(before, browser_digest)
    if before.version != version:
        # A double click, or another tab: the same password is the same answer, another one must not be lost unseen;
        # and the page may name another address than the one that was chosen meanwhile.
        if before.password_hash is not None and deps.hasher.verify(new_password, before.password_hash):
            return UpgradeAt(before, browser_digest)
        raise StalePage()
    words = (*letter.words, *(before.email or "").split("@"))
    policy.require(new_password, policy.PRESETS[deps.settings.password_policy], words=words)
    if new_password != confirmation:
        raise ConfirmationDiffers()
    if terms_id is None:
        raise TermsUnpublished(agency_id=before.agency_id, authorization_id=before.authorization_id)
    if not terms_accepted:
        raise TermsNotAccepted()
    after = rules.choose_password(before, password_hash=deps.hasher.hash(new_password), terms_id=terms_id)
    with transaction() as db:
        if not store.save(db, before, after):
            return UpgradeAt(store.load(db, flow_id, now=deps.now(), browser_digest=browser_digest), browser_digest)
        store.share_password(db, after)
        _mail_proof(db, deps, after)
    return UpgradeAt(after, browser_digest)


def resend(deps: Deps, *, flow_id: str, browser_digest: str, version: int | None) -> UpgradeAt:
    """One more mail; those before keep working. A repeated click sends one. Raises TooManyAttempts."""
    with transaction() as db:
        before = store.load(db, flow_id, now=deps.now(), browser_digest=browser_digest)
        if before.state is not State.AWAITING_CONFIRMATION or before.version != version:
            return UpgradeAt(before, browser_digest)
        after = replace(before, version=before.version + 1)
        if not store.save(db, before, after):
            return UpgradeAt(before, browser_digest)
        throttle.admit(db, deps, _mails_to(deps, after))
        _mail_proof(db, deps, after, counted=True)
    return UpgradeAt(after, browser_digest)


def confirm_by_code(
    deps: Deps, *, flow_id: str, browser_digest: str, code: str, password: str, network: str
) -> Outcome:
    """The mailed code, typed on the waiting page. password: asked too where another browser chose it.

    Raises CodeMissing, CodeWrong, ChosenPasswordWrong, PasswordMissing, TooManyAttempts, Overloaded.
    """
    code = "".join(c for c in code if c.isdigit())
    if not code:
        raise CodeMissing()
    with transaction() as db:
        flow = store.load(db, flow_id, now=deps.now(), browser_digest=browser_digest)
        if flow.state is not State.AWAITING_CONFIRMATION:
            return UpgradeAt(flow, browser_digest)
        shared = throttle.network(deps.settings, network)
        throttle.admit(db, deps, _codes_of(deps, flow), shared)
        mailed = _code(db, deps, flow, code)
    if mailed is None:
        raise CodeWrong()
    if not flow.code_suffices:
        _require_chosen(deps, flow, password)
    try:
        return _complete(deps, flow, mailed, shared, browser_digest=browser_digest)
    except LinkUsed:  # a double click, or the link was used meanwhile
        with reading() as db:
            return UpgradeAt(store.load(db, flow_id, now=deps.now(), browser_digest=browser_digest), browser_digest)


def open_link(deps: Deps, token: str) -> UpgradeFlow:
    """The flow of a mailed link, to show its page; nothing changes. Raises LinkUnknown, LinkUsed."""
    with reading() as db:
        return _linked(db, deps, token)[1]


def confirm_by_link(deps: Deps, *, token: str, browser_digest: str, password: str, network: str) -> Outcome:
    """The mailed link, with the password that was chosen: what a mail scanner cannot know.

    Raises LinkUnknown, LinkUsed, PasswordMissing, ChosenPasswordWrong, TooManyAttempts, Overloaded.
    """
    if not password:
        raise PasswordMissing()
    try:
        with transaction() as db:
            mailed, flow = _linked(db, deps, token)
            shared = throttle.network(deps.settings, network)
            throttle.admit(db, deps, _codes_of(deps, flow), shared)
        _require_chosen(deps, flow, password)
        return _complete(deps, flow, mailed, shared, browser_digest=browser_digest)
    except LinkUsed:
        return UpgradeAt(_completed_by(deps, token), browser_digest)


def _completed_by(deps: Deps, token: str) -> UpgradeFlow:
    """The completed flow of a link that was clicked twice. Raises LinkUsed when the flow ended otherwise."""
    with reading() as db:
        flow_id = links.flow_of_used(db, deps, kind=LinkKind.UPGRADE, token=token)
        flow = store.load(db, flow_id, now=deps.now()) if flow_id is not None else None
    if flow is None or flow.state is not State.COMPLETED:
        raise LinkUsed(agency_id=flow.agency_id if flow else None)
    return flow


def follow(deps: Deps, *, flow_id: str, browser_digest: str) -> Outcome:
    """The waiting page goes on after the link was confirmed elsewhere: its browser is signed in, once.

    Only the browser that chose the password is: one that merely resumed the flow with the letter must sign in. The
    sign-in that is owed lasts no longer than an unused one would have, and ends as every other with a new password.
    """
    now = deps.now()
    with transaction() as db:
        flow = store.load(db, flow_id, now=now, browser_digest=browser_digest)
        if flow.account_id is None or not flow.code_suffices or not store.follow(db, flow_id, now=now):
            return UpgradeAt(flow, browser_digest)
        if not accounts.as_made(db, flow.account_id, since=now - timedelta(hours=deps.settings.session_idle_hours)):
            return UpgradeAt(replace(flow, followed_at=now), browser_digest)
        token = deps.new_token(256)
        sessions.start(db, deps, account_id=flow.account_id, browser_digest=browser_digest, token=token)
        audit.record(db, deps, "upgrade.followed", subject=flow.account_id, cause=flow.id)
    return UpgradeCompleted(flow, token, here=True)


# --- pieces ------------------------------------------------------------------------------------------------------------


def _complete(deps: Deps, flow: UpgradeFlow, mailed: Mailed, shared: Limit, *, browser_digest: str) -> Outcome:
    """The account comes into being: all of it, or nothing. Two races are decided here, by the database.

    The same letter confirmed twice: closing the letter is one guarded statement, and the loser finds the flow ended.
    The address taken meanwhile: the unique address decides, and the person is led to merge.
    """
    now = deps.now()
    here = browser_digest == flow.browser_digest
    account_id, session = deps.new_token(128), deps.new_token(256)
    with transaction() as db:
        links.consume(db, mailed, now=now)
        assert flow.email is not None
        assert flow.email_key is not None
        assert flow.password_hash is not None
        created = accounts.create_account(
            db,
            account_id=account_id,
            email=flow.email,
            email_key=flow.email_key,
            password_hash=flow.password_hash,
            now=now,
        )
        after = rules.confirm(
            flow, account_id=account_id if created else None, followed_at=now if here and created else None
        )
        if not store.save(db, flow, after):
            raise LinkUsed()
        if not created:
            audit.record(db, deps, "upgrade.address-taken", subject=flow.provisional_account_id, cause=flow.id)
            return UpgradeAt(after, browser_digest)
        letter = accounts.letter(db, flow.provisional_account_id)
        membership_id = deps.new_id()
        if not accounts.close_letter(db, letter.id, now=now) or not accounts.join(
            db, membership_id=membership_id, account_id=account_id, letter=letter, origin="upgrade", now=now
        ):
            raise LinkUsed()
        assert flow.terms_id is not None
        terms.accept(db, acceptance_id=deps.new_id(), account_id=account_id, terms_id=flow.terms_id, now=now)
        store.cancel_others(db, flow_id=flow.id, provisional_account_id=letter.id)
        throttle.succeeded(db, deps, _codes_of(deps, flow), shared)
        sessions.start(db, deps, account_id=account_id, browser_digest=browser_digest, token=session)
        audit.record(db, deps, "upgrade.completed", subject=account_id, agency_id=flow.agency_id, cause=flow.id)
    return UpgradeCompleted(after, session, here=here)


def _mail_proof(db: Session, deps: Deps, flow: UpgradeFlow, *, counted: bool = False) -> None:
    """Mail a link and a code. Links to another address of the same letter die: only the newest address counts."""
    assert flow.email is not None
    assert flow.email_key is not None
    links.void_others(db, flow_ids=store.flows_of_letter(db, flow.provisional_account_id), email_key=flow.email_key)
    if not counted and throttle.count(db, deps, _mails_to(deps, flow)) is not None:
        return  # many mails went there within the hour: the waiting page says from when on one may be asked again
    agency = tenancy.agency(db, flow.agency_id)
    assert agency is not None
    token, code = deps.new_token(256), deps.new_digits(CODE_DIGITS)
    links.issue(db, deps, kind=LinkKind.UPGRADE, flow_id=flow.id, email_key=flow.email_key, token=token)
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
            agency_name=agency.name,
            agency_color=agency.brand_color,
            support=agency.support_phone or agency.support_email or "",
            link=f"{deps.settings.issuer}/upgrade/confirm/{token}",
            code=code,
            expires_at=deps.now() + deps.settings.link_validity,
        ),
        flow_id=flow.id,
    )


def _linked(db: Session, deps: Deps, token: str) -> tuple[Mailed, UpgradeFlow]:
    mailed = links.find(db, deps, kind=LinkKind.UPGRADE, token=token)
    flow = store.load(db, mailed.flow_id, now=deps.now())
    if flow.state is State.COMPLETED or flow.state is State.CANCELLED:
        raise LinkUsed(agency_id=flow.agency_id)
    if flow.state is not State.AWAITING_CONFIRMATION or flow.email_key != mailed.email_key:
        raise LinkUnknown(agency_id=flow.agency_id)
    return mailed, flow


def _code(db: Session, deps: Deps, flow: UpgradeFlow, code: str) -> Mailed | None:
    """A code of any mail of this letter: who typed the letter again meanwhile holds the code of another flow."""
    try:
        mailed = links.find(db, deps, kind=LinkKind.UPGRADE_CODE, token=code, within=flow.provisional_account_id)
    except (LinkUnknown, LinkUsed):
        return None
    return mailed if mailed.email_key == flow.email_key else None


def _require_chosen(deps: Deps, flow: UpgradeFlow, password: str) -> None:
    if not password:
        raise PasswordMissing()
    if not deps.hasher.verify(password, flow.password_hash):
        raise ChosenPasswordWrong()


def _codes_of(deps: Deps, flow: UpgradeFlow) -> Limit:
    """Codes and passwords tried on one letter's flows: eight digits are guessed in a hundred million tries, not in ten."""
    return throttle.account(deps.settings, f"proof:{flow.provisional_account_id}")


def _addresses_of_letter(deps: Deps, flow: UpgradeFlow) -> Limit:
    return Limit(
        f"addresses:{flow.provisional_account_id}",
        deps.settings.addresses_per_letter_per_day,
        delay=timedelta(days=1),
    )


def _mails_to(deps: Deps, flow: UpgradeFlow) -> Limit:
    return Limit(f"mails:{flow.email_key}", deps.settings.mails_per_address_per_hour, delay=timedelta(hours=1))


def resend_from(db: Session, deps: Deps, flow: UpgradeFlow) -> object:
    """The instant from which one more mail may be asked for; None for now."""
    return throttle.blocked_until(db, deps, _mails_to(deps, flow))


def want_other_address(deps: Deps, flow_id: str, browser_digest: str) -> str:
    """Back from the merge page to the address; returns the id of the flow to go on with.

    The flow of another browser (its link was opened here) is not this browser's to act on: its page then leads back
    to the letter.
    """
    with transaction() as db:
        flow = store.load(db, flow_id, now=deps.now(), browser_digest=browser_digest)
        after = rules.back_to_address(flow)
        if after is not flow:
            store.save(db, flow, after)
    return flow_id
