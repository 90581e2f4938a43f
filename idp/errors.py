"""The catalogue of failures: one class each, with a number that a person can read over the phone.

Raising carries facts; `web/errors.py` and `oidc/` choose the words. `docs/errors.md` lists them all and a test keeps it
complete.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from idp.failure import Channel, FieldError, IdpError, Kept, Way

__all__ = ["Channel", "FieldError", "IdpError", "Kept", "Way"]

# --- GEN: any page -------------------------------------------------------------------------------------------------


class Unexpected(IdpError):
    """A fault of ours; the log has its traceback under the same reference."""

    code, status, text = "GEN-01", 500, "errors.unexpected"
    ways = (Way.RETRY, Way.PORTAL, Way.SIGN_IN, Way.CALL)


class PageNotFound(IdpError):
    """No page has this address: mistyped, cut in two by a mail program, or of an older version."""

    code, status, text = "GEN-02", 404, "errors.not_found"
    kept = Kept.SOME
    ways = (Way.PORTAL, Way.SIGN_IN, Way.LETTER)


class WrongMethod(IdpError):
    """The address of a form was opened, or a page was posted to."""

    code, status, text = "GEN-03", 405, "errors.wrong_method"
    kept = Kept.SOME
    ways = (Way.PORTAL, Way.SIGN_IN, Way.LETTER)


class TooLarge(IdpError):
    """The request is larger than `request_body_limit_bytes`; no form of ours can be."""

    code, status, text = "GEN-04", 413, "errors.too_large"
    kept = Kept.SOME
    ways = (Way.PORTAL, Way.SIGN_IN)


class MalformedRequest(IdpError):
    """The request is no form, gives a field twice, or holds a value that no field takes."""

    code, status, text = "GEN-05", 400, "errors.malformed"
    kept = Kept.SOME
    ways = (Way.PORTAL, Way.SIGN_IN, Way.LETTER)


class StalePage(FieldError):
    """The anti-forgery token does not fit this browser: cookie lost, page slept on, or a forged post."""

    code, text = "GEN-06", "errors.stale_page"


class Overloaded(IdpError):
    """Too many passwords are waiting to be hashed. retry_after_seconds: int."""

    code, status, text = "GEN-07", 503, "errors.overloaded"
    kept = Kept.SOME
    ways = (Way.RETRY,)


class TooManyAttempts(FieldError):
    """retry_at: aware UTC instant from which another attempt is admitted."""

    code, status, text = "GEN-08", 429, "errors.too_many_attempts"

    def __init__(self, retry_at: datetime) -> None:
        super().__init__(retry_at=retry_at)
        self.retry_at = retry_at


class ForeignPost(IdpError):
    """The browser itself says that another site sent this form (Origin, Sec-Fetch-Site)."""

    code, status, text = "GEN-09", 403, "errors.foreign_post"
    ways = (Way.RETRY, Way.PORTAL, Way.SIGN_IN)


class DatabaseAway(IdpError):
    """The database does not answer, or refused the statement: its reference is in the log alone. retry_after_seconds: int."""

    code, status, text = "GEN-10", 503, "errors.database_away"
    kept = Kept.NONE
    ways = (Way.RETRY, Way.CALL)


# --- TEN: agencies -------------------------------------------------------------------------------------------------


class AgencyUnknown(FieldError):
    """Same words for a wrong customer code and a wrong company code, so that codes cannot be listed one by one."""

    code, text, field = "TEN-01", "tenancy.unknown", "client"


class CodesMissing(AgencyUnknown):
    """One of the two codes was not typed."""

    code, text = "TEN-02", "tenancy.missing"


class AgencyClosed(IdpError):
    """The codes are those of an agency that an operator has closed (`idp agencies disable`). agency: its name."""

    code, status, text = "TEN-03", 410, "tenancy.closed"
    ways = (Way.CODES, Way.CALL)


# --- LOG: sign-in --------------------------------------------------------------------------------------------------


class WrongCredentials(FieldError):
    """No such account, another password, or a closed account: the same words, after the same work."""

    code, text, field = "LOG-01", "login.wrong", "identifier"


class IdentifierMissing(FieldError):
    """The identifier was not typed."""

    code, text, field = "LOG-02", "login.identifier_missing", "identifier"


class PasswordMissing(FieldError):
    """The password was not typed."""

    code, text, field = "LOG-03", "login.password_missing", "password"


class NothingOpen(IdpError):
    """The account is known and the password right, but every agency of the account is closed."""

    code, status, text = "LOG-04", 403, "login.nothing_open"
    ways = (Way.CALL, Way.CODES)


# --- UPG: upgrade of a provisional account ---------------------------------------------------------------------------


class WrongProvisional(FieldError):
    """No such letter at this agency, or another password: the same words, after the same work."""

    code, text, field = "UPG-01", "upgrade.wrong_provisional", "provisional_identifier"


class ProvisionalIdentifierMissing(FieldError):
    """The letter's identifier was not typed."""

    code, text, field = "UPG-02", "upgrade.provisional_identifier_missing", "provisional_identifier"


class ProvisionalPasswordMissing(FieldError):
    """The letter's password was not typed."""

    code, text, field = "UPG-03", "upgrade.provisional_password_missing", "provisional_password"


class AlreadyUpgraded(IdpError):
    """The letter was used: the account exists. Told only to who typed the letter's credentials right.

    hint: the masked address of the account, empty when it is closed.
    """

    code, status, text = "UPG-04", 409, "upgrade.already_done"
    ways = (Way.SIGN_IN, Way.RESET, Way.CALL)


class LetterExpired(IdpError):
    """The letter is older than `letter_validity_days`. Told only to who typed its credentials right."""

    code, status, text = "UPG-05", 410, "upgrade.letter_expired"
    ways = (Way.NEW_LETTER, Way.SIGN_IN, Way.CALL)


class AddressMalformed(FieldError):
    """What was typed is no e-mail address."""

    code, text, field = "UPG-06", "upgrade.address_malformed", "email"


class AddressMissing(FieldError):
    """No address was typed."""

    code, text, field = "UPG-07", "upgrade.address_missing", "email"


class TooManyAddresses(FieldError):
    """One letter was tried with many addresses in a day: it must not become a way to list who has an account."""

    code, status, text, field = "UPG-08", 429, "upgrade.too_many_addresses", "email"


class TermsNotAccepted(FieldError):
    """The box was not ticked."""

    code, text, field = "UPG-09", "upgrade.terms_not_accepted", "accept_terms"


class CodeWrong(FieldError):
    """Not a code of a mail that still works, or of another address."""

    code, text, field = "UPG-10", "upgrade.code_wrong", "code"


class CodeMissing(FieldError):
    """The code was not typed."""

    code, text, field = "UPG-11", "upgrade.code_missing", "code"


class ChosenPasswordWrong(FieldError):
    """On the page of the mailed link: not the password that was chosen for the new account."""

    code, text, field = "UPG-12", "upgrade.chosen_password_wrong", "password"


class TermsUnpublished(IdpError):
    """No terms are published, so nobody can accept them: an operator's mistake, which `idp doctor` reports."""

    code, status, text = "UPG-13", 503, "upgrade.terms_unpublished"
    ways = (Way.CALL, Way.RETRY)


class AddressUnlikely(FieldError):
    """The address looks like a slip of the finger; asked back once, never refused. meant: the likely one."""

    code, text, field = "UPG-14", "upgrade.address_unlikely", "email"


# --- PWD: choosing a password ----------------------------------------------------------------------------------------


class PasswordTooWeak(FieldError):
    """A criterion of the policy is not met. unmet: their names, in the order of the page."""

    code, text, field = "PWD-01", "passwords.too_weak", "new_password"

    def __init__(self, unmet: tuple[str, ...]) -> None:
        super().__init__(unmet=unmet)
        self.unmet = unmet


class ConfirmationDiffers(FieldError):
    """The two passwords are not the same."""

    code, text, field = "PWD-02", "passwords.confirmation_differs", "confirmation"


class PasswordTooLong(FieldError):
    """More than 128 characters."""

    code, text, field = "PWD-03", "passwords.too_long", "new_password"


class PasswordUnchanged(FieldError):
    """The new password is the present one."""

    code, text, field = "PWD-04", "passwords.unchanged", "new_password"


class CurrentPasswordWrong(FieldError):
    """Not the present password of the account, or none was typed."""

    code, text, field = "PWD-05", "passwords.current_wrong", "current_password"


# --- FLO: a flow in the browser --------------------------------------------------------------------------------------


class FlowUnknown(IdpError):
    """No such flow, or another browser's: the same answer, so that an id found somewhere tells nothing."""

    code, status, text = "FLO-01", 404, "flows.unknown"
    ways = (Way.LETTER, Way.SIGN_IN, Way.PORTAL)


class FlowExpired(IdpError):
    """The upgrade, merge or reset was begun more than `flow_validity_days` ago, or is in a state that no version knows."""

    code, status, text = "FLO-02", 410, "flows.expired"
    ways = (Way.LETTER, Way.SIGN_IN, Way.PORTAL)


class LinkUnknown(IdpError):
    """Forged, expired or replaced: one page for all, with a way to ask for a new mail."""

    code, status, text = "FLO-03", 404, "links.unknown"
    ways = (Way.SIGN_IN, Way.LETTER, Way.RESET)


class LinkUsed(IdpError):
    """The mailed link was used already, here or on another device."""

    code, status, text = "FLO-04", 410, "links.used"
    ways = (Way.PORTAL, Way.SIGN_IN, Way.RESET)


# --- MRG, RST: merge and reset ---------------------------------------------------------------------------------------


class MergePasswordWrong(FieldError):
    """Not the password of the account that has this address."""

    code, text, field = "MRG-01", "merge.wrong_password", "password"


class MergeImpossible(IdpError):
    """The letter or the account was closed while the merge page was open."""

    code, status, text = "MRG-02", 409, "merge.impossible"
    ways = (Way.SIGN_IN, Way.RESET, Way.CALL)


class ResetIdentifierMissing(FieldError):
    """No address was typed."""

    code, text, field = "RST-01", "reset.identifier_missing", "identifier"


# --- OID: a portal's request that cannot be answered at the portal ---------------------------------------------------


class ClientUnknown(IdpError):
    """Shown, never redirected: a redirect to an address nobody registered is an open redirector (RFC 9700 4.11.2)."""

    code, status, text = "OID-01", 400, "oidc.client_unknown"
    ways = (Way.PORTAL, Way.SIGN_IN, Way.CALL)


class RedirectUnregistered(IdpError):
    """The portal asked to answer to an address that is not registered for it: shown, never redirected."""

    code, status, text = "OID-02", 400, "oidc.redirect_unregistered"
    ways = (Way.PORTAL, Way.SIGN_IN, Way.CALL)


class AuthorizationUnknown(IdpError):
    """The portal's request is older than `authorization_validity_days`, or never was."""

    code, status, text = "OID-03", 404, "oidc.authorization_unknown"
    ways = (Way.PORTAL, Way.SIGN_IN)


class AuthorizationAnswered(IdpError):
    """The pending authorization was answered already, by another tab or a reload: "vous êtes connecté"."""

    code, status, text = "OID-04", 409, "oidc.authorization_answered"
    ways = (Way.PORTAL, Way.SIGN_IN)


class AuthorizationMalformed(IdpError):
    """A parameter that decides where answers go (client_id, redirect_uri) is missing twice or malformed."""

    code, status, text = "OID-05", 400, "oidc.authorization_malformed"
    ways = (Way.PORTAL, Way.SIGN_IN, Way.CALL)


def catalogue() -> Iterator[type[IdpError]]:
    """Every numbered failure, in the order of this file."""
    for kind in list(globals().values()):
        if isinstance(kind, type) and issubclass(kind, IdpError) and kind not in (IdpError, FieldError):
            yield kind
