"""Proving the address: by the code or the link of a mail (`mailing.py`), and the page that waits for one of them.

A link is opened by mail scanners before people do, so opening changes nothing, and using it needs the password that
was just chosen. The account comes into being here, in one transaction (`_complete`).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlalchemy.orm import Session

from idp.accounts import store as accounts
from idp.audit import store as audit
from idp.database import reading, transaction
from idp.deps import Deps
from idp.errors import ChosenPasswordWrong, CodeMissing, CodeWrong, LinkUnknown, LinkUsed, PasswordMissing
from idp.links import store as links
from idp.links.store import LinkExpired, LinkKind, Mailed
from idp.passwords.queue import Asker
from idp.patience import again
from idp.sessions import store as sessions
from idp.terms import store as terms
from idp.throttle import store as throttle
from idp.throttle.store import Limit
from idp.upgrade import flow as rules
from idp.upgrade import store
from idp.upgrade.flow import State, UpgradeFlow
from idp.upgrade.outcomes import Outcome, UpgradeAt, UpgradeCompleted


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
        _require_chosen(deps, flow, shared, password)
    try:
        return _complete(deps, flow, mailed, shared, browser_digest=browser_digest)
    except LinkUsed:  # a double click, or the link was used meanwhile
        with reading() as db:
            return UpgradeAt(store.load(db, flow_id, now=deps.now(), browser_digest=browser_digest), browser_digest)


def open_link(deps: Deps, token: str) -> tuple[Mailed, UpgradeFlow]:
    """A mailed link and its flow, to show its page; nothing is spent. Raises LinkUnknown, LinkUsed."""
    with links.for_good(), reading() as db:
        return _linked(db, deps, token)


def confirm_by_link(deps: Deps, *, token: str, browser_digest: str, password: str, network: str) -> Outcome:
    """The mailed link, with the password that was chosen: what a mail scanner cannot know.

    Raises LinkUnknown, LinkUsed, PasswordMissing, ChosenPasswordWrong, TooManyAttempts, Overloaded.
    """
    if not password:
        raise PasswordMissing()
    try:
        with links.for_good(), transaction() as db:
            mailed, flow = _linked(db, deps, token)
            shared = throttle.network(deps.settings, network)
            throttle.admit(db, deps, _codes_of(deps, flow), shared)
        _require_chosen(deps, flow, shared, password)
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
        assert flow.email is not None
        sessions.start(
            db, deps, account_id=flow.account_id, email=flow.email, browser_digest=browser_digest, token=token
        )
        audit.record(db, deps, "upgrade.followed", subject=flow.account_id, cause=flow.id)
    return UpgradeCompleted(flow, token, here=True)


@again
def _complete(deps: Deps, flow: UpgradeFlow, mailed: Mailed, shared: Limit, *, browser_digest: str) -> Outcome:
    """The account comes into being: all of it, or nothing. Two races are decided here, by the database.

    The same letter confirmed twice: closing the letter is one guarded statement, and the loser finds the flow ended.
    The address taken meanwhile: the unique address decides, and the person is led to merge.
    """
    now = deps.now()
    here = browser_digest == flow.browser_digest
    account_id, session = deps.new_token(128), deps.new_token(256)
    with transaction() as db:
        letter = accounts.letter_to_use_up(db, flow.provisional_account_id)
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
        membership_id = deps.new_id()
        if not accounts.close_letter(db, letter.id, now=now) or not accounts.join(
            db, membership_id=membership_id, account_id=account_id, letter=letter, origin="upgrade", now=now
        ):
            raise LinkUsed()
        assert flow.terms_id is not None
        terms.accept(db, acceptance_id=deps.new_id(), account_id=account_id, terms_id=flow.terms_id, now=now)
        store.cancel_others(db, flow_id=flow.id, provisional_account_id=letter.id)
        sessions.start(db, deps, account_id=account_id, email=flow.email, browser_digest=browser_digest, token=session)
        audit.record(db, deps, "upgrade.completed", subject=account_id, agency_id=flow.agency_id, cause=flow.id)
        throttle.succeeded(db, deps, _codes_of(deps, flow), shared)
    return UpgradeCompleted(after, session, here=here)


def _linked(db: Session, deps: Deps, token: str) -> tuple[Mailed, UpgradeFlow]:
    try:
        mailed = links.find(db, deps, kind=LinkKind.UPGRADE, token=token)
    except LinkUsed:  # the page says so in the agency's name, and its sign-in asks for no codes
        flow_id = links.flow_of_used(db, deps, kind=LinkKind.UPGRADE, token=token)
        raise LinkUsed(agency_id=store.load(db, flow_id, now=deps.now()).agency_id if flow_id else None) from None
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
    except LinkExpired as expired:
        links.forget(db, expired)
        return None
    except (LinkUnknown, LinkUsed):
        return None
    return mailed if mailed.email_key == flow.email_key else None


def _require_chosen(deps: Deps, flow: UpgradeFlow, shared: Limit, password: str) -> None:
    if not password:
        raise PasswordMissing()
    with throttle.evaluating(deps, _codes_of(deps, flow), shared):
        right = deps.hasher.verify(password, flow.password_hash, Asker(flow.id, proven=True))
    if not right:
        raise ChosenPasswordWrong()


def _codes_of(deps: Deps, flow: UpgradeFlow) -> Limit:
    """Codes and passwords tried on one letter's flows: eight digits are guessed in a hundred million tries, not in ten."""
    return throttle.account(deps.settings, f"proof:{flow.provisional_account_id}")
