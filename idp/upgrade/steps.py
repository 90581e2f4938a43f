"""What the person does up to the mail, one function an act: the letter, the address, the password.

Each loads, decides, saves, mails, audits; passwords are hashed between transactions, never in one. Every act checks on
the stored row what was proven before it. Proving the address is in `proof.py`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from idp.accounts import addresses, typos
from idp.accounts import store as accounts
from idp.audit import store as audit
from idp.database import reading, transaction
from idp.deps import Deps
from idp.errors import (
    AddressUnlikely,
    AlreadyUpgraded,
    ConfirmationDiffers,
    LetterExpired,
    ProvisionalIdentifierMissing,
    ProvisionalPasswordMissing,
    StalePage,
    TermsNotAccepted,
    TermsUnpublished,
    TooManyAddresses,
    WrongProvisional,
)
from idp.mail import store as mail
from idp.mail.messages import LetterWanted, Voice
from idp.passwords import policy
from idp.passwords.queue import Asker
from idp.tenancy import store as tenancy
from idp.terms import store as terms
from idp.texts import LANGUAGES
from idp.throttle import store as throttle
from idp.throttle.store import Limit
from idp.upgrade import flow as rules
from idp.upgrade import mailing, store
from idp.upgrade.flow import State, UpgradeFlow
from idp.upgrade.outcomes import UpgradeAt

NEW_LETTER_FORM = "new-letter"


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
    by = Asker(throttle.network_of(network))
    deps.hasher.require_room(by)
    with transaction() as db:
        letter = accounts.letter_by_identifier(db, agency_id, identifier)
        throttle.admit(db, deps, own, *shared)
    with throttle.evaluating(deps, own, *shared):
        proven = deps.hasher.verify(password, letter.password_digest if letter else None, by)
    if letter is None or not proven:
        with transaction() as db:
            audit.record(db, deps, "upgrade.refused", agency_id=agency_id, network=network)
        raise WrongProvisional()
    with transaction() as db:
        throttle.succeeded(db, deps, own, *shared)
    now = deps.now()
    if letter.closed:
        raise AlreadyUpgraded(agency_id=agency_id, authorization_id=authorization_id, hint=_hint(letter.id))
    if letter.expires_at <= now:
        # The token of this form is only ever written on the page that follows the letter's right credentials.
        form_id = f"{NEW_LETTER_FORM}:{letter.id}"
        raise LetterExpired(
            agency_id=agency_id, authorization_id=authorization_id, letter_id=letter.id, form_id=form_id
        )
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


def ask_new_letter(deps: Deps, *, letter_id: str, network: str) -> str:
    """Tell the agency, once a day, that somebody whose letter has expired asks for a new one; returns the agency's id.

    letter_id: of a letter whose credentials were typed right, which the form's token proves. Raises FlowUnknown.
    """
    with transaction() as db:
        letter = accounts.letter(db, letter_id)
        agency = tenancy.agency(db, letter.agency_id)
        once_a_day = Limit(f"new-letter:{letter.id}", 1, delay=timedelta(days=1))
        if agency is None or agency.support_email is None or throttle.count(db, deps, once_a_day) is not None:
            return letter.agency_id
        wanted = LetterWanted(
            to=agency.support_email,
            voice=replace(Voice.of(agency, LANGUAGES[0]), support=""),  # it is the agency that reads
            identifier=letter.identifier,
            person=letter.person,
            asked_at=deps.now(),
        )
        mail.enqueue(db, deps, wanted)
        audit.record(db, deps, "upgrade.letter-wanted", subject=letter.id, agency_id=agency.id, network=network)
    return letter.agency_id


def choose_address(
    deps: Deps, *, flow_id: str, browser_digest: str, version: int | None, typed: str, sure: str = ""
) -> UpgradeAt:
    """The address that becomes the identifier. One that is already somebody's leads to merge.

    sure: an unlikely address that was asked back already, and is meant.
    Raises AddressMissing, AddressMalformed, AddressUnlikely (once), TooManyAddresses, StalePage, FlowUnknown,
    FlowExpired.
    """
    email = addresses.accepted(typed)
    if sure != typed and (meant := typos.meant(email)) is not None:
        raise AddressUnlikely(meant=meant)
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
    language: str,
    asked_on: str | None = None,
) -> UpgradeAt:
    """The strong password and the terms; the verification mail leaves with the same transaction.

    asked_on: kind of machine of the browser, which the mail and its page tell.

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
        if before.password_hash is not None and deps.hasher.verify(
            new_password, before.password_hash, Asker(before.id, proven=True)
        ):
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
    password_hash = deps.hasher.hash(new_password, Asker(before.id, proven=True))
    after = rules.choose_password(before, password_hash=password_hash, terms_id=terms_id)
    with transaction() as db:
        if not store.save(db, before, after):
            return UpgradeAt(store.load(db, flow_id, now=deps.now(), browser_digest=browser_digest), browser_digest)
        store.share_password(db, after)
        mailing.ask(db, deps, after, language=language, asked_on=asked_on)
    return UpgradeAt(after, browser_digest)


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


def _hint(letter_id: str) -> str:
    """Which address the account of a used letter has, for who holds the letter and forgot; enough to remember by."""
    with reading() as db:
        owner = accounts.owner_of_letter(db, letter_id)
        account = accounts.account(db, owner) if owner is not None else None
    return addresses.masked(account.email) if account is not None and account.active else ""


def _addresses_of_letter(deps: Deps, flow: UpgradeFlow) -> Limit:
    return Limit(
        f"addresses:{flow.provisional_account_id}",
        deps.settings.addresses_per_letter_per_day,
        delay=timedelta(days=1),
    )
