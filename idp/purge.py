"""Deleting what has expired, in small batches, so that tables stay bounded and nobody waits for it.

Run by `idp purge` (a timer of the host, every hour), by any number of processes at once. Each batch is a transaction of
its own that reads a bounded number of rows; those that somebody is using are left for the next time. A table that is
not purged stands in KEPT, with what bounds it. The audit trail loses its old end last, which a database role of its own
may be needed for (docs/operating.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, exists, func, not_, or_, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import InstrumentedAttribute

from idp.audit.chain import steps as chain
from idp.database import reading, transaction
from idp.deps import Deps
from idp.grants.tables import Grant
from idp.links.tables import Link
from idp.mail.tables import MailDomain, OutboxMail
from idp.merge.tables import MergeFlow
from idp.oidc.authentication.tables import ReplayGuard
from idp.oidc.authorize.tables import AuthorizationCode, AuthorizationRequest
from idp.oidc.consent.tables import Consent
from idp.oidc.keys.tables import SigningKey
from idp.oidc.logout.tables import LogoutNotice
from idp.oidc.registration.tables import Client, ClientSecret, InitialAccessToken
from idp.oidc.token.tables import AccessToken, RefreshToken
from idp.reset.tables import ResetFlow
from idp.sessions.tables import BrowserSession
from idp.tenancy.tables import Agency, AgencyLogo
from idp.throttle.tables import ThrottleCounter
from idp.upgrade.tables import UpgradeFlow

BATCH = 500
_STRIDE = 5000
_AUDIT = "audit events"
MAIL_KEPT = timedelta(days=30)
MAIL_DOMAIN_KEPT = timedelta(days=2)
NOTICE_KEPT = timedelta(days=7)
# A code's row outlives the code: its second presentation revokes what the first one bought (RFC 6749 4.1.2).
CODE_KEPT = timedelta(days=1)
# One that expired unspent bought nothing, and would live again if the clock went back (decision 44). Older ones went in
# an earlier round, or go with the spent ones: a batch does not read a day of those.
UNSPENT_WITHIN = timedelta(hours=2)
# Without its trace a proof that was taken is a new one, if the clock goes back to before its end.
GUARD_KEPT = timedelta(hours=1)
SESSION_KEPT = timedelta(days=1)
# A revoked grant voids the signed access tokens that were issued under it, which live for minutes.
GRANT_KEPT = timedelta(days=1)
# What can no longer be used; `idp keys list` and `idp clients tokens list` show for a while that it was there.
DEAD_KEPT = timedelta(days=30)
# Software that registered itself and that nobody allows anything to.
UNUSED_CLIENT_KEPT = timedelta(days=30)

KEPT = {
    "accounts": "one for each person, and one for each erased person's sub, which is never given again",
    "agencies": "made by operators",
    "audit_anchors": "one row",
    "consents": "one for each person and application; they go with either",
    "contracts": "what agencies' files name; they go with the letter",
    "customers": "made by operators",
    "epochs": "one for each restore from a backup",
    "memberships": "one for each letter that became an account's",
    "provisional_accounts": "one for each person that an agency's file names; they go when the person is erased",
    "schema_steps": "one for each step of the schema",
    "terms": "published by operators",
    "terms_acceptances": "one for each person and version of the terms; proof (RGPD article 7)",
}


@dataclass(frozen=True)
class Rule:
    """What of one table is expired. name: what the operator reads; key: the primary key.

    oldest: the indexed instant that the expired rows are found by; None where the whole table is walked in strides.
    """

    name: str
    key: InstrumentedAttribute[str]
    expired: ColumnElement[bool]
    oldest: InstrumentedAttribute[Any] | None = None


def rules(deps: Deps) -> tuple[Rule, ...]:
    """What is expired now. A table that others refer to stands after them."""
    now = deps.now()
    return (
        Rule("links", Link.digest, Link.expires_at <= now, Link.expires_at),
        Rule("upgrade flows", UpgradeFlow.id, UpgradeFlow.expires_at <= now, UpgradeFlow.expires_at),
        Rule("merge flows", MergeFlow.id, MergeFlow.expires_at <= now, MergeFlow.expires_at),
        Rule("reset flows", ResetFlow.id, ResetFlow.expires_at <= now, ResetFlow.expires_at),
        Rule(
            "authorization requests",
            AuthorizationRequest.id,
            AuthorizationRequest.expires_at <= now,
            AuthorizationRequest.expires_at,
        ),
        Rule(
            "unspent codes",
            AuthorizationCode.digest,
            AuthorizationCode.consumed_at.is_(None) & AuthorizationCode.expires_at.between(now - UNSPENT_WITHIN, now),
            AuthorizationCode.expires_at,
        ),
        Rule(
            "authorization codes",
            AuthorizationCode.digest,
            AuthorizationCode.expires_at <= now - CODE_KEPT,
            AuthorizationCode.expires_at,
        ),
        Rule("replay guards", ReplayGuard.digest, ReplayGuard.expires_at <= now - GUARD_KEPT, ReplayGuard.expires_at),
        Rule("access tokens", AccessToken.digest, AccessToken.expires_at <= now, AccessToken.expires_at),
        Rule("refresh tokens", RefreshToken.digest, RefreshToken.expires_at <= now, RefreshToken.expires_at),
        Rule("grants", Grant.id, Grant.expires_at <= now, Grant.expires_at),
        Rule("revoked grants", Grant.id, Grant.revoked_at <= now - GRANT_KEPT, Grant.revoked_at),
        Rule("sessions", BrowserSession.id, _over(deps)),
        Rule("keys", SigningKey.kid, SigningKey.retired_at <= now - DEAD_KEPT),
        Rule("throttle counters", ThrottleCounter.key, ThrottleCounter.forget_at <= now, ThrottleCounter.forget_at),
        Rule(
            "logout notices",
            LogoutNotice.id,
            LogoutNotice.state.in_(("told", "dead")) & (LogoutNotice.created_at <= now - NOTICE_KEPT),
        ),
        Rule(
            "mails",
            OutboxMail.id,
            OutboxMail.state.in_(("sent", "refused", "discarded")) & (OutboxMail.created_at <= now - MAIL_KEPT),
        ),
        Rule("mail domains", MailDomain.domain, MailDomain.failed_at <= now - MAIL_DOMAIN_KEPT, MailDomain.failed_at),
        Rule("client secrets", ClientSecret.id, ClientSecret.expires_at <= now - DEAD_KEPT),
        Rule(
            "registration tokens",
            InitialAccessToken.id,
            or_(InitialAccessToken.expires_at <= now - DEAD_KEPT, InitialAccessToken.revoked_at <= now - DEAD_KEPT),
        ),
        Rule("unused clients", Client.id, _unused(deps)),
        Rule("logos", AgencyLogo.digest, AgencyLogo.digest.not_in(select(Agency.logo).where(Agency.logo.is_not(None)))),
    )


def run(deps: Deps) -> Iterator[tuple[str, int]]:
    """Delete what has expired; yields the name of each rule with how many rows went."""
    for rule in rules(deps):
        yield rule.name, sum(_batches(rule))
    yield _AUDIT, chain.cut(deps)


def expired(deps: Deps) -> Iterator[tuple[str, int]]:
    """How many rows `run` would delete."""
    with reading() as db:
        for rule in rules(deps):
            yield rule.name, db.scalars(select(func.count()).select_from(rule.key.class_).where(rule.expired)).one()
        yield _AUDIT, chain.overdue(db, deps)


def _batches(rule: Rule) -> Iterator[int]:
    """Rows deleted by one transaction after the other."""
    if rule.oldest is not None:
        gone = BATCH
        while gone == BATCH:
            with transaction() as db:
                gone = _delete(db, rule, rule.expired, rule.oldest)
            yield gone
        return
    after: str | None = ""
    while after is not None:
        with transaction() as db:
            # So many rows are looked at and no more, however few of them have expired.
            upto = db.scalars(
                select(rule.key).where(rule.key > after).order_by(rule.key).offset(_STRIDE - 1).limit(1)
            ).one_or_none()
            here = rule.key > after if upto is None else rule.key.between(after, upto)
            gone = _delete(db, rule, and_(here, rule.expired), rule.key)
        yield gone
        after = after if gone == BATCH else upto


def _delete(db: Session, rule: Rule, expired: ColumnElement[bool], order: InstrumentedAttribute[Any]) -> int:
    some = select(rule.key).where(expired).order_by(order).limit(BATCH).with_for_update(skip_locked=True)
    statement = delete(rule.key.class_).where(rule.key.in_(some)).execution_options(synchronize_session=False)
    return int(db.execute(statement).rowcount)  # type: ignore[attr-defined]


def _over(deps: Deps) -> ColumnElement[bool]:
    """Sign-ins that nobody can use, and of whose end everybody was told who wants to know."""
    now = deps.now()
    idle = now - timedelta(hours=deps.settings.session_idle_hours) - SESSION_KEPT
    untold = BrowserSession.ended_at.is_not(None) & BrowserSession.announced_at.is_(None)
    over = or_(BrowserSession.last_seen_at <= idle, BrowserSession.ended_at <= now - SESSION_KEPT)
    return or_(BrowserSession.expires_at <= now, over & not_(untold))


def _unused(deps: Deps) -> ColumnElement[bool]:
    """Software that registered itself a month ago or more, and that nobody allows anything to.

    People are asked before such software gets anything, unless an operator said that it is ours.
    """
    return and_(
        Client.registration_token_digest.is_not(None),
        Client.created_at <= deps.now() - UNUSED_CLIENT_KEPT,
        Client.registered["first_party"].as_boolean().is_(False),
        ~exists().where(Consent.client_id == Client.id),
    )
