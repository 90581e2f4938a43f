"""The rules, each a sentence and the rows that break it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, and_, case, exists, func, not_, or_, select, text
from sqlalchemy.orm import Session

from idp.accounts.roles import AccountState
from idp.accounts.tables import Account, Membership, ProvisionalAccount
from idp.grants.tables import Grant
from idp.merge import flow as merge
from idp.merge.tables import MergeFlow
from idp.oidc.authorize.tables import AuthorizationCode
from idp.oidc.token.tables import RefreshToken
from idp.sessions.tables import BrowserSession
from idp.terms.tables import TermsAcceptance
from idp.upgrade import flow as upgrade
from idp.upgrade.tables import UpgradeFlow

SHOWN = 5


@dataclass(frozen=True)
class Broken:
    """A rule that does not hold. rows: names of the first rows that break it."""

    rule: str
    rows: tuple[str, ...]


_member = exists().where(Membership.provisional_account_id == ProvisionalAccount.id)
_living = Account.state != AccountState.ERASED
_over = UpgradeFlow.state.in_((upgrade.State.COMPLETED, upgrade.State.CANCELLED, upgrade.State.HANDED_TO_MERGE))
_completed = UpgradeFlow.state == upgrade.State.COMPLETED
_theirs = and_(
    Membership.provisional_account_id == MergeFlow.provisional_account_id,
    Membership.account_id == MergeFlow.account_id,
)

RULES: dict[str, Select[Any]] = {
    "a letter is closed exactly when it is somebody's": select(ProvisionalAccount.id).where(
        or_(
            and_(ProvisionalAccount.closed_at.is_not(None), not_(_member)),
            and_(ProvisionalAccount.closed_at.is_(None), _member),
        )
    ),
    "a membership is at the agency of its letter": select(Membership.id)
    .join(ProvisionalAccount, ProvisionalAccount.id == Membership.provisional_account_id)
    .where(ProvisionalAccount.agency_id != Membership.agency_id),
    "an account was made of a letter": select(Account.id).where(
        _living, ~exists().where(Membership.account_id == Account.id)
    ),
    "an account was made of one letter, and merged with the others": select(Membership.account_id)
    .group_by(Membership.account_id)
    .having(func.sum(case((Membership.origin == "upgrade", 1), else_=0)) != 1),
    "whoever has an account accepted the terms": select(Account.id).where(
        _living, ~exists().where(TermsAcceptance.account_id == Account.id)
    ),
    "nothing is left of an erased account but its sub": select(Account.id).where(
        ~_living,
        or_(Account.email != "", exists().where(Membership.account_id == Account.id)),
    ),
    "a finished upgrade keeps no password": select(UpgradeFlow.id).where(_over, UpgradeFlow.password_hash.is_not(None)),
    "an upgrade is finished exactly when it made an account": select(UpgradeFlow.id).where(
        or_(and_(_completed, UpgradeFlow.account_id.is_(None)), and_(~_completed, UpgradeFlow.account_id.is_not(None)))
    ),
    "a merge that was done brought its letter": select(MergeFlow.id).where(
        MergeFlow.state == merge.State.MERGED, ~exists().where(_theirs)
    ),
    "a grant has at most one refresh token that works": select(RefreshToken.grant_id)
    .where(RefreshToken.rotated_at.is_(None))
    .group_by(RefreshToken.grant_id)
    .having(func.count() > 1),
    "a grant has one code at most": select(AuthorizationCode.grant_id)
    .group_by(AuthorizationCode.grant_id)
    .having(func.count() > 1),
    "nothing of an account that is not open works": select(Account.id).where(
        Account.state != AccountState.ACTIVE,
        or_(
            exists().where(BrowserSession.account_id == Account.id, BrowserSession.ended_at.is_(None)),
            exists().where(Grant.account_id == Account.id, Grant.revoked_at.is_(None)),
        ),
    ),
}


def broken(db: Session) -> Iterator[Broken]:
    """Every rule that does not hold. Walks whole tables: best in a snapshot, and not every minute."""
    on_sqlite = db.get_bind().dialect.name == "sqlite"
    if not on_sqlite:
        db.execute(text("SET LOCAL statement_timeout = 0"))
    for rule, rows in RULES.items():
        if found := db.scalars(rows.limit(SHOWN)).all():
            yield Broken(rule, tuple(found))
    # PostgreSQL checks references whenever they are written; a file may have been written by another program.
    if on_sqlite and (lost := db.execute(text("PRAGMA foreign_key_check")).fetchall()):
        yield Broken("what is referred to exists", tuple(f"{row[0]}: {row[1]}" for row in lost[:SHOWN]))
