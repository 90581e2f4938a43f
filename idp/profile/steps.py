"""What the signed-in person does on their own account."""

from __future__ import annotations

from dataclasses import dataclass, field

from idp.accounts import store as accounts
from idp.accounts.memberships import store as memberships
from idp.audit import store as audit
from idp.database import reading, transaction
from idp.deps import Deps
from idp.errors import CurrentPasswordWrong
from idp.grants import store as grants
from idp.links import store as links
from idp.links.store import LinkKind
from idp.mail import store as mail
from idp.mail.messages import PasswordChanged as Notice
from idp.mail.messages import Voice
from idp.passwords import policy
from idp.passwords.queue import Asker
from idp.profile import flow
from idp.sessions import store as sessions
from idp.sessions.store import SignedIn
from idp.tenancy import resolve
from idp.tenancy import store as tenancy
from idp.throttle import store as throttle
from idp.throttle.devices import Device


@dataclass(frozen=True)
class PasswordChanged:
    """The new password is set; this browser stays signed in under a fresh secret, every other is signed out."""

    session_token: str = field(repr=False)


def change_password(
    deps: Deps,
    signed_in: SignedIn,
    *,
    network: str,
    current: str,
    new: str,
    confirmation: str,
    language: str,
    device: Device | None = None,
    changed_on: str | None = None,
) -> PasswordChanged:
    """Replace the password, proven by the present one: a browser left open is not enough (ASVS 6.2.3).

    Raises CurrentPasswordWrong, ConfirmationDiffers, PasswordUnchanged, PasswordTooWeak, PasswordTooLong,
    TooManyAttempts, Overloaded.
    """
    flow.require_consistent(current, new, confirmation)
    with reading() as db:
        account = accounts.account(db, signed_in.account_id)
        places = memberships.places(db, signed_in.account_id)
    assert account is not None
    words = [w for p in places for w in (p.first_name, p.last_name, p.company_name, p.city, p.agency_name)]
    policy.require(new, policy.PRESETS[deps.settings.password_policy], words=[*words, *account.email.split("@")])
    with transaction() as db:
        counted = throttle.guess(db, deps, account.email_key, device=device, network_address=network)
    with throttle.evaluating(deps, *counted.limits):
        right = deps.hasher.verify(current, account.password_hash, counted.by)
    if not right:
        raise CurrentPasswordWrong()
    password_hash = deps.hasher.hash(new, Asker(account.id, proven=True))
    now = deps.now()
    token = deps.new_token(256)
    with transaction() as db:
        accounts.set_password(db, account.id, password_hash, now=now)
        grants.revoke_of_account(db, account.id, now=now, except_sid=signed_in.sid)
        sessions.end_all(db, account.id, now=now, except_sid=signed_in.sid)
        sessions.renew(db, deps, signed_in.id, token=token)
        agency = tenancy.agency(db, places[0].agency_id) if places else None
        notice = Notice(
            to=account.email,
            voice=Voice.of(agency, language),
            changed_at=now,
            changed_on=changed_on,
            link=resolve.page(deps.settings.issuer, "/reset", agency),
        )
        mail.enqueue(db, deps, notice)
        links.void_of_address(db, kind=LinkKind.RESET, email_key=account.email_key)
        audit.record(db, deps, "profile.password-changed", subject=account.id, cause=signed_in.id, network=network)
        throttle.right(db, deps, counted)
    return PasswordChanged(token)
