"""Deleting what has expired, in small batches, so that tables stay bounded and nobody waits for it.

Run by `idp purge` (a timer of the host, every hour). Each batch is a transaction of its own; rows that somebody is
using are left for the next time. What is kept as proof is never touched: accounts, memberships, acceptances. The audit
trail loses its old end last, which a database role of its own may be needed for (docs/operating.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import InstrumentedAttribute

from idp.audit.chain import steps as chain
from idp.database import changed, reading, transaction
from idp.deps import Deps
from idp.grants.tables import Grant
from idp.links.tables import Link
from idp.mail.tables import OutboxMail
from idp.merge.tables import MergeFlow
from idp.oidc.authentication.tables import ReplayGuard
from idp.oidc.authorize.tables import AuthorizationCode, AuthorizationRequest
from idp.oidc.keys.tables import SigningKey
from idp.oidc.logout.tables import LogoutNotice
from idp.oidc.token.tables import AccessToken, RefreshToken
from idp.reset.tables import ResetFlow
from idp.sessions.tables import BrowserSession
from idp.throttle.tables import ThrottleCounter
from idp.upgrade.tables import UpgradeFlow

BATCH = 500
_AUDIT = "audit events"
MAIL_KEPT = timedelta(days=30)
NOTICE_KEPT = timedelta(days=7)
# A code's row outlives the code: its second presentation revokes what the first one bought (RFC 6749 4.1.2).
CODE_KEPT = timedelta(days=1)
SESSION_KEPT = timedelta(days=1)
# A retired key opens and signs nothing; `idp keys list` shows for a while that it was there.
KEY_KEPT = timedelta(days=30)


@dataclass(frozen=True)
class Rule:
    """What of one table is expired. name: what the operator reads; key: the primary key."""

    name: str
    key: InstrumentedAttribute[str]
    expired: ColumnElement[bool]


def rules(deps: Deps) -> tuple[Rule, ...]:
    """What is expired now. A table that others refer to stands after them."""
    now = deps.now()
    idle = now - timedelta(hours=deps.settings.session_idle_hours) - SESSION_KEPT
    return (
        Rule("links", Link.digest, Link.expires_at <= now),
        Rule("upgrade flows", UpgradeFlow.id, UpgradeFlow.expires_at <= now),
        Rule("merge flows", MergeFlow.id, MergeFlow.expires_at <= now),
        Rule("reset flows", ResetFlow.id, ResetFlow.expires_at <= now),
        Rule("authorization requests", AuthorizationRequest.id, AuthorizationRequest.expires_at <= now),
        Rule("authorization codes", AuthorizationCode.digest, AuthorizationCode.expires_at <= now - CODE_KEPT),
        Rule("replay guards", ReplayGuard.digest, ReplayGuard.expires_at <= now),
        Rule("access tokens", AccessToken.digest, AccessToken.expires_at <= now),
        Rule("refresh tokens", RefreshToken.digest, RefreshToken.expires_at <= now),
        Rule("grants", Grant.id, Grant.expires_at <= now),
        Rule(
            "sessions",
            BrowserSession.id,
            or_(BrowserSession.expires_at <= now, BrowserSession.last_seen_at <= idle),
        ),
        Rule("keys", SigningKey.kid, SigningKey.retired_at <= now - KEY_KEPT),
        Rule("throttle counters", ThrottleCounter.key, ThrottleCounter.forget_at <= now),
        Rule("logout notices", LogoutNotice.id, _old_notice(now - NOTICE_KEPT)),
        Rule("mails", OutboxMail.id, _old_mail(now - MAIL_KEPT)),
    )


def run(deps: Deps) -> Iterator[tuple[str, int]]:
    """Delete what has expired; yields the name of each table with how many rows went."""
    for rule in rules(deps):
        total = 0
        while True:
            with transaction() as db:
                gone = _delete_some(db, rule)
            total += gone
            if gone < BATCH:
                break
        yield rule.name, total
    yield _AUDIT, chain.cut(deps)


def expired(deps: Deps) -> Iterator[tuple[str, int]]:
    """How many rows `run` would delete."""
    with reading() as db:
        for rule in rules(deps):
            yield rule.name, db.scalars(select(func.count()).select_from(rule.key.class_).where(rule.expired)).one()
        yield _AUDIT, chain.overdue(db, deps)


def _delete_some(db: Session, rule: Rule) -> int:
    some = select(rule.key).where(rule.expired).limit(BATCH).with_for_update(skip_locked=True)
    statement = delete(rule.key.class_).where(rule.key.in_(some)).execution_options(synchronize_session=False)
    return changed(db.execute(statement))


def _old_mail(before: datetime) -> ColumnElement[bool]:
    return OutboxMail.state.in_(("sent", "refused", "discarded")) & (OutboxMail.created_at <= before)


def _old_notice(before: datetime) -> ColumnElement[bool]:
    return LogoutNotice.state.in_(("told", "dead")) & (LogoutNotice.created_at <= before)
