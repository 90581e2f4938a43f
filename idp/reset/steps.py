"""What the person does in a reset, one function an act (source, section IV a)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.orm import Session

from idp.accounts import addresses
from idp.accounts import store as accounts
from idp.accounts.memberships import store as memberships
from idp.audit import store as audit
from idp.database import reading, transaction
from idp.deps import Deps
from idp.errors import ConfirmationDiffers, LinkUnknown, LinkUsed, ResetIdentifierMissing
from idp.grants import store as grants
from idp.links import store as links
from idp.links.store import LinkKind, Mailed
from idp.mail import store as mail
from idp.mail.messages import ActivateFirst, PasswordChanged, ResetPassword, Voice
from idp.passwords import policy
from idp.passwords.queue import Asker
from idp.reset import flow as rules
from idp.reset import store
from idp.reset.flow import ResetFlow, State
from idp.sessions import store as sessions
from idp.tenancy import resolve
from idp.tenancy import store as tenancy
from idp.throttle import store as throttle
from idp.throttle.store import Limit

_DOUBLE_CLICK = timedelta(seconds=10)


@dataclass(frozen=True)
class ResetAsked:
    """The neutral page: if the address is somebody's, a mail is under way."""

    flow: ResetFlow


@dataclass(frozen=True)
class PasswordReset:
    """The new password is set; the page that says so comes next. here: in the browser that asked for the reset.

    proven: canonical key of the address, where the mailed link was used: that browser then signs in whatever the attempts
    of others. None in the browser that only waited: whoever asked for the reset need not be the person.
    """

    flow: ResetFlow
    here: bool
    proven: str | None = None


def ask(
    deps: Deps,
    *,
    identifier: str,
    browser_digest: str,
    network: str,
    agency_id: str | None,
    authorization_id: str | None,
    merge_flow_id: str | None,
    language: str,
    asked_on: str | None = None,
) -> ResetAsked:
    """Ask for a new password. Known or not, the same row is written and the same page follows; a double click asks once.

    An address that only letters know gets a mail that explains how to use the letter: its password is not lost.

    Raises ResetIdentifierMissing, TooManyAttempts (of this network; of one address only the mails are limited, and
    silently, since a refusal would tell that the address is known).
    """
    if not identifier.strip():
        raise ResetIdentifierMissing()
    key = addresses.key(identifier)
    now = deps.now()
    with transaction() as db:
        throttle.admit(db, deps, throttle.network(deps.settings, f"{network}"))
        account = accounts.account_by_email(db, key)
        flow = ResetFlow(
            id=deps.new_token(128),
            version=1,
            state=State.AWAITING_LINK,
            agency_id=agency_id,
            account_id=account.id if account and account.active else None,
            browser_digest=browser_digest,
            authorization_id=authorization_id,
            merge_flow_id=merge_flow_id,
            email=identifier.strip()[: addresses.LONGEST],
            created_at=now,
            expires_at=now + deps.settings.flow_validity,
        )
        # Clicks at once come here one after the other: the network's count is theirs in common.
        clicked = store.just_asked(db, flow, since=now - _DOUBLE_CLICK, until=now + _DOUBLE_CLICK)
        if clicked is not None:
            return ResetAsked(clicked)
        may_mail = throttle.count(db, deps, _mails_to(deps, key)) is None
        store.add(db, flow)
        token = deps.new_token(256)
        links.issue(db, deps, kind=LinkKind.RESET, flow_id=flow.id, email_key=key, token=token, asked_on=asked_on)
        activation = _activation(db, deps, flow, language)
        voice = Voice.of(tenancy.agency(db, agency_id) if agency_id else None, language)
        message = ResetPassword(
            to=account.email if account else "",
            voice=voice,
            link=f"{deps.settings.issuer}/reset/confirm/{token}",
            asked_at=now,
            asked_on=asked_on,
            expires_at=now + deps.settings.link_validity,
        )
        if account is not None and account.active and may_mail:
            mail.enqueue(db, deps, message, flow_id=flow.id)
        elif account is None and activation is not None and may_mail:
            mail.enqueue(db, deps, activation, flow_id=flow.id)
        else:
            mail.discard(db, deps, message)
        audit.record(
            db,
            deps,
            "reset.asked",
            subject=flow.account_id,
            agency_id=agency_id,
            cause=flow.id,
            network=network,
            address=key,
        )
    return ResetAsked(flow)


def _activation(db: Session, deps: Deps, flow: ResetFlow, language: str) -> ActivateFirst | None:
    """The mail for an address that letters know, or an unfinished upgrade; None when nothing knows it.

    Only such an address is written to, so that this page cannot be used to send mail to anybody.
    """
    agency_id = accounts.agency_that_suggests(db, flow.email, prefer=flow.agency_id)
    asked = links.was_mailed(db, kind=LinkKind.UPGRADE, email_key=addresses.key(flow.email))
    agency = tenancy.agency(
        db, agency_id or flow.agency_id or ""
    )  # looked up for nobody too, so that time tells nothing
    if agency_id is None and not asked:
        return None
    link = resolve.page(deps.settings.issuer, "/login/provisional", agency)
    return ActivateFirst(to=flow.email, voice=Voice.of(agency, language), link=link)


def open_link(deps: Deps, token: str) -> tuple[Mailed, ResetFlow]:
    """A mailed link and its flow, to show its page; nothing is spent. Raises LinkUnknown, LinkUsed."""
    with links.for_good(), reading() as db:
        return _linked(db, deps, token)


def set_password(
    deps: Deps,
    *,
    token: str,
    browser_digest: str,
    new_password: str,
    confirmation: str,
    language: str,
    changed_on: str | None = None,
) -> PasswordReset:
    """The new password. Every sign-in and every portal's token of the account ends; a notice is mailed.

    Raises LinkUnknown, LinkUsed, PasswordTooWeak, PasswordTooLong, ConfirmationDiffers, Overloaded, and for a link
    that was used TooManyAttempts.
    """
    try:
        return _set_password(
            deps,
            token=token,
            browser_digest=browser_digest,
            new_password=new_password,
            confirmation=confirmation,
            language=language,
            changed_on=changed_on,
        )
    except LinkUsed:
        flow, proven = _set_already(deps, token=token, password=new_password)
        return PasswordReset(flow, here=browser_digest == flow.browser_digest, proven=proven)


def _set_already(deps: Deps, *, token: str, password: str) -> tuple[ResetFlow, str]:
    """The completed flow of a link that was clicked twice, with the address: the password is the one that was set.

    Raises LinkUsed when it is another one, which a page that says "mis à jour" would lose unseen; TooManyAttempts,
    since this compares with the account's password as sign-in does.
    """
    with transaction() as db:
        flow_id = links.flow_of_used(db, deps, kind=LinkKind.RESET, token=token)
        flow = store.load(db, flow_id, now=deps.now()) if flow_id is not None else None
        account = accounts.account(db, flow.account_id) if flow is not None and flow.account_id is not None else None
        if flow is None or account is None or flow.state is not State.COMPLETED:
            raise LinkUsed(agency_id=flow.agency_id if flow else None)
        limit = throttle.account(deps.settings, account.email_key)
        throttle.admit(db, deps, limit)
    with throttle.evaluating(deps, limit):
        right = deps.hasher.verify(password, account.password_hash, Asker(flow.id, proven=True))
    if not right:
        raise LinkUsed(agency_id=flow.agency_id)
    with transaction() as db:
        throttle.forget(db, deps, limit)
    return flow, account.email_key


def _set_password(
    deps: Deps,
    *,
    token: str,
    browser_digest: str,
    new_password: str,
    confirmation: str,
    language: str,
    changed_on: str | None,
) -> PasswordReset:
    with links.for_good(), reading() as db:
        mailed, before = _linked(db, deps, token)
        assert before.account_id is not None
        account = accounts.account(db, before.account_id)
        words = _words(db, before.account_id)
    assert account is not None
    policy.require(
        new_password,
        policy.PRESETS[deps.settings.password_policy],
        words=(*words, *account.email.split("@")),
    )
    if new_password != confirmation:
        raise ConfirmationDiffers()
    password_hash = deps.hasher.hash(new_password, Asker(before.id, proven=True))
    now = deps.now()
    after = rules.completed(before)
    with transaction() as db:
        if not accounts.hold(db, account.id):  # closed by an operator since the mail was sent
            raise LinkUnknown(agency_id=before.agency_id)
        links.consume(db, mailed, now=now)
        if not store.save(db, before, after):
            raise LinkUsed()
        accounts.set_password(db, account.id, password_hash, now=now)
        sessions.end_all(db, account.id, now=now)
        grants.revoke_of_account(db, account.id, now=now)
        links.void_others(db, flow_ids=store.cancel_others(db, flow_id=before.id, account_id=account.id))
        throttle.forget(db, deps, throttle.account(deps.settings, account.email_key))
        agency = tenancy.agency(db, before.agency_id) if before.agency_id else None
        notice = PasswordChanged(
            to=account.email,
            voice=Voice.of(agency, language),
            changed_at=now,
            changed_on=changed_on,
            link=resolve.page(deps.settings.issuer, "/reset", agency),
        )
        mail.enqueue(db, deps, notice, flow_id=before.id)
        audit.record(db, deps, "reset.completed", subject=account.id, agency_id=before.agency_id, cause=before.id)
    return PasswordReset(after, here=browser_digest == before.browser_digest, proven=account.email_key)


def _linked(db: Session, deps: Deps, token: str) -> tuple[Mailed, ResetFlow]:
    try:
        mailed = links.find(db, deps, kind=LinkKind.RESET, token=token)
    except LinkUsed:  # the page says so in the agency's name, and its sign-in asks for no codes
        flow_id = links.flow_of_used(db, deps, kind=LinkKind.RESET, token=token)
        raise LinkUsed(agency_id=store.load(db, flow_id, now=deps.now()).agency_id if flow_id else None) from None
    flow = store.load(db, mailed.flow_id, now=deps.now())
    if flow.state is State.COMPLETED:
        raise LinkUsed(agency_id=flow.agency_id)
    if flow.state is State.CANCELLED or flow.account_id is None:
        raise LinkUnknown(agency_id=flow.agency_id)
    return mailed, flow


def _words(db: Session, account_id: str) -> tuple[str, ...]:
    """What the person, the agencies and the towns are called."""
    return tuple(
        word
        for place in memberships.places(db, account_id)
        for word in (place.first_name, place.last_name, place.company_name, place.city, place.agency_name)
    )


def _mails_to(deps: Deps, key: str) -> Limit:
    return Limit(f"reset-mails:{key}", deps.settings.mails_per_address_per_hour, delay=timedelta(hours=1))
