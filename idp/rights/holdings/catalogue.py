"""Table by table: which rows are a person's, which columns are shown to them, what erasure does with them.

A table that holds nothing about people stands in WITHOUT, with the reason. Names that are shown are the columns' own.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import false, or_

from idp.accounts.tables import Account, Contract, Membership, ProvisionalAccount
from idp.audit.tables import AuditEvent
from idp.grants.tables import Grant
from idp.links.tables import Link
from idp.mail.tables import OutboxMail
from idp.merge.tables import MergeFlow
from idp.oidc.authorize.tables import AuthorizationCode
from idp.oidc.consent.tables import Consent
from idp.oidc.logout.tables import LogoutNotice
from idp.oidc.token.tables import AccessToken, RefreshToken
from idp.reset.tables import ResetFlow
from idp.rights.holdings.kinds import Fate, Holding
from idp.rights.holdings.store import (
    flows_of,
    merges_of,
    of_account,
    of_address,
    of_grants,
    of_letters,
    of_typed_address,
    upgrades_of,
)
from idp.sessions.tables import BrowserSession
from idp.terms.tables import TermsAcceptance
from idp.upgrade.tables import UpgradeFlow

_ROW = "name of the row, which means nothing elsewhere"
_SECRET = "digest of a secret, or a secret, whoever reads it"
_BROWSER = "digest of a browser's key"
_INNER = "how the program keeps its place"
_IS_KEY = "the same as the address, for comparing"

# In the order of erasure: a table that others refer to stands after them.
HOLDINGS: tuple[Holding, ...] = (
    Holding(
        Link,
        lambda person: Link.flow_id.in_(flows_of(person)),
        shown=("kind", "created_at", "expires_at", "consumed_at", "asked_on"),
        hidden={"digest": _SECRET, "flow_id": _ROW, "email_key": _IS_KEY},
        fate=Fate.DELETED,
        mentions=of_address(Link.email_key),
    ),
    Holding(
        OutboxMail,
        lambda person: OutboxMail.flow_id.in_(flows_of(person)),
        shown=("kind", "recipient", "subject", "state", "last_answer", "created_at", "sent_at"),
        hidden={
            "id": _ROW,
            "flow_id": _ROW,
            "sender_name": "the agency's name",
            "text": "holds a link that works, and is wiped when the mail has left",
            "html": "the same",
            "attempts": _INNER,
            "next_attempt_at": _INNER,
            "leased_until": _INNER,
            "lease": _INNER,
            "domain": "the end of the recipient",
        },
        fate=Fate.DELETED,
        mentions=of_typed_address(OutboxMail.recipient),
    ),
    Holding(
        MergeFlow,
        merges_of,
        shown=("state", "agency_id", "email", "created_at", "expires_at"),
        hidden={
            "id": _SECRET,
            "version": _INNER,
            "upgrade_flow_id": _SECRET,
            "provisional_account_id": _ROW,
            "browser_digest": _BROWSER,
            "authorization_id": _SECRET,
            "email_key": _IS_KEY,
            "account_id": "the `sub`, which stands at the top",
        },
        fate=Fate.DELETED,
        mentions=of_address(MergeFlow.email_key),
    ),
    Holding(
        ResetFlow,
        of_account(ResetFlow.account_id),
        shown=("state", "agency_id", "email", "created_at", "expires_at"),
        hidden={
            "id": _SECRET,
            "version": _INNER,
            "account_id": "the `sub`, which stands at the top",
            "browser_digest": _BROWSER,
            "authorization_id": _SECRET,
            "merge_flow_id": _SECRET,
        },
        fate=Fate.DELETED,
        mentions=of_typed_address(ResetFlow.email),
    ),
    Holding(
        UpgradeFlow,
        upgrades_of,
        shown=("state", "agency_id", "email", "created_at", "expires_at"),
        hidden={
            "id": _SECRET,
            "version": _INNER,
            "provisional_account_id": _ROW,
            "browser_digest": _BROWSER,
            "authorization_id": _SECRET,
            "email_key": _IS_KEY,
            "password_hash": _SECRET,
            "password_browser_digest": _BROWSER,
            "terms_id": _ROW,
            "account_id": "the `sub`, which stands at the top",
            "followed_at": _INNER,
        },
        fate=Fate.DELETED,
        mentions=of_address(UpgradeFlow.email_key),
    ),
    Holding(
        Consent,
        of_account(Consent.account_id),
        shown=("client_id", "scope", "claims", "given_at"),
        hidden={"account_id": "the `sub`, which stands at the top"},
        fate=Fate.DELETED,
    ),
    Holding(
        TermsAcceptance,
        of_account(TermsAcceptance.account_id),
        shown=("terms_id", "accepted_at"),
        hidden={"id": _ROW, "account_id": "the `sub`, which stands at the top"},
        fate=Fate.DELETED,
    ),
    Holding(
        AuthorizationCode,
        of_grants(AuthorizationCode.grant_id),
        shown=("client_id", "redirect_uri", "expires_at", "consumed_at"),
        hidden={"digest": _SECRET, "grant_id": _ROW, "code_challenge": _SECRET, "nonce": _SECRET},
        fate=Fate.DELETED,
    ),
    Holding(
        RefreshToken,
        of_grants(RefreshToken.grant_id),
        shown=("created_at", "expires_at", "rotated_at"),
        hidden={"digest": _SECRET, "grant_id": _ROW},
        fate=Fate.DELETED,
    ),
    Holding(
        AccessToken,
        of_grants(AccessToken.grant_id),
        shown=("client_id", "scope", "audience", "issued_at", "expires_at"),
        hidden={"digest": _SECRET, "grant_id": _ROW, "subject": "the name that the application has for the person"},
        fate=Fate.DELETED,
    ),
    Holding(
        Grant,
        of_account(Grant.account_id),
        shown=(
            "client_id",
            "agency_id",
            "scope",
            "claims",
            "resources",
            "authenticated_at",
            "created_at",
            "expires_at",
            "revoked_at",
        ),
        hidden={"id": _ROW, "account_id": "the `sub`, which stands at the top", "sid": _ROW},
        fate=Fate.ENDED,
    ),
    Holding(
        BrowserSession,
        of_account(BrowserSession.account_id),
        shown=("authenticated_at", "last_seen_at", "expires_at", "ended_at"),
        hidden={
            "id": _ROW,
            "sid": _ROW,
            "digest": _SECRET,
            "account_id": "the `sub`, which stands at the top",
            "browser_digest": _BROWSER,
            "announced_at": _INNER,
        },
        fate=Fate.ENDED,
    ),
    Holding(
        LogoutNotice,
        of_account(LogoutNotice.account_id),
        shown=("client_id", "state", "created_at", "told_at"),
        hidden={
            "id": _ROW,
            "account_id": "the `sub`, which stands at the top",
            "sid": _ROW,
            "attempts": _INNER,
            "next_attempt_at": _INNER,
            "leased_until": _INNER,
            "last_answer": "what the application's server answered",
        },
        fate=Fate.KEPT,
    ),
    Holding(
        Membership,
        of_account(Membership.account_id),
        shown=("agency_id", "origin", "created_at"),
        hidden={"id": _ROW, "account_id": "the `sub`, which stands at the top", "provisional_account_id": _ROW},
        fate=Fate.DELETED,
    ),
    Holding(
        Contract,
        of_letters(Contract.provisional_account_id),
        shown=("reference", "role", "mandate"),
        hidden={"id": _ROW, "provisional_account_id": _ROW, "position": _INNER},
        fate=Fate.DELETED,
    ),
    Holding(
        ProvisionalAccount,
        of_letters(ProvisionalAccount.id),
        shown=(
            "agency_id",
            "identifier",
            "civility",
            "last_name",
            "first_name",
            "company_name",
            "suggested_email",
            "phone",
            "street",
            "postal_code",
            "city",
            "role",
            "mandate",
            "expires_at",
            "closed_at",
            "created_at",
            "updated_at",
        ),
        hidden={
            "id": _ROW,
            "identifier_key": "the same as the identifier, for comparing",
            "password_digest": _SECRET,
            "sealed_password": _SECRET,
            "import_run": _INNER,
            "import_line": _INNER,
            "import_digest": _INNER,
        },
        fate=Fate.DELETED,
    ),
    Holding(
        Account,
        of_account(Account.id),
        shown=("id", "email", "state", "created_at", "password_changed_at"),
        hidden={"email_key": _IS_KEY, "password_hash": _SECRET},
        fate=Fate.TOMBSTONE,
    ),
    Holding(
        AuditEvent,
        lambda person: or_(
            AuditEvent.subject.in_([*person.letter_ids, *filter(None, [person.account_id])]),
            AuditEvent.address_digest == person.address_digest if person.address_digest else false(),
        ),
        shown=("at", "name", "agency_id", "details"),
        hidden={
            "id": _ROW,
            "subject": "the `sub`, which stands at the top, or a letter's row",
            "cause": _ROW,
            "request": _ROW,
            "network_digest": "keyed digest of a network, which nobody can turn back",
            "address_digest": "keyed digest of the address",
            "mac": _SECRET,
        },
        fate=Fate.KEPT,
    ),
)

WITHOUT: Mapping[str, str] = {
    "agencies": "the agency and how to call it",
    "agency_logos": "pictures of agencies",
    "audit_anchors": "hashes",
    "audit_links": "hashes and moments",
    "authorization_requests": "what a portal asked, before anybody is known to have asked; a login_hint may be an "
    "address. Deleted after authorization_validity_days",
    "clients": "portals",
    "client_secrets": "digests of portals' secrets",
    "customers": "groups of agencies",
    "epochs": "when the database was put back from a backup",
    "initial_access_tokens": "digests of tokens of software",
    "mail_domains": "domains that put mails off, without whose mails; forgotten after two days",
    "replay_guards": "digests of names that software chose",
    "schema_steps": "versions of the schema",
    "signing_keys": "keys of the service",
    "terms": "texts",
    "throttle_counters": "counts under keyed digests, forgotten after throttle_memory_hours; some in shared memory, alike",
}
