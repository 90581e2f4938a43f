"""Every SQL statement of the token endpoint and introspection: built once, run with parameters.

These are the hot paths: each request has a counted number of statements (design section 15), columns are read instead
of entities, and what may happen once is one guarded statement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select

from idp.accounts.roles import AccountState
from idp.accounts.tables import Account, Membership, ProvisionalAccount
from idp.database import Executor, table_of
from idp.grants.tables import Grant
from idp.oidc.authorize.tables import AuthorizationCode
from idp.oidc.token.tables import RefreshToken
from idp.statements import AnySelect, Guarded, Rows, Statement
from idp.tenancy.tables import Agency, Customer


@dataclass(frozen=True)
class Granted:
    """A grant as tokens need it. memberships: the person's places at the agency asked for, without contracts.

    alive: the grant was not revoked and has not expired, and the account is active. claims: asked for by name, a list
    for `id_token` and one for `userinfo`; resources: the audiences asked for.
    """

    grant_id: str
    account_id: str
    client_id: str
    sid: str
    scope: str
    authenticated_at: datetime
    created_at: datetime
    alive: bool
    customer_code: str | None
    company_code: str | None
    memberships: tuple[dict[str, str], ...]
    agency_id: str | None = None
    claims: Mapping[str, Sequence[str]] = field(default_factory=dict)
    resources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bought:
    """What was added when a code or a refresh token was spent at sight. refresh_token: None where there is none."""

    refresh_token: str | None = field(repr=False)


@dataclass(frozen=True)
class Code:
    """An authorization code as presented. bought: of one that was spent at sight, by who presents it now."""

    digest: str
    redirect_uri: str
    code_challenge: str | None
    nonce: str | None
    expires_at: datetime
    consumed: bool
    granted: Granted
    bought: Bought | None = None


@dataclass(frozen=True)
class Refresh:
    """A refresh token as presented. bought: of one that was replaced at sight, by who presents it now."""

    digest: str
    expires_at: datetime
    rotated_at: datetime | None
    granted: Granted
    bought: Bought | None = None


# Read by `gather`, from a statement `with_grant`.
GRANTED = (
    Grant.id,
    Grant.account_id,
    Grant.client_id,
    Grant.sid,
    Grant.scope,
    Grant.authenticated_at,
    Grant.created_at,
    Grant.revoked_at,
    Grant.expires_at.label("grant_expires_at"),
    Account.state,
    Customer.code.label("customer_code"),
    Agency.code.label("company_code"),
    Agency.name.label("agency_name"),
    Agency.disabled_at,
    Membership.id.label("membership_id"),
    ProvisionalAccount.role,
    Grant.agency_id,
    Grant.claims,
    Grant.resources,
)


def with_grant(statement: AnySelect) -> AnySelect:
    """Join the grant, its account, and the person's places at the agency asked for (one row each, one at least)."""
    return (
        statement.join(Account, Account.id == Grant.account_id)
        .outerjoin(Agency, Agency.id == Grant.agency_id)
        .outerjoin(Customer, Customer.id == Agency.customer_id)
        .outerjoin(Membership, (Membership.account_id == Grant.account_id) & (Membership.agency_id == Grant.agency_id))
        .outerjoin(ProvisionalAccount, ProvisionalAccount.id == Membership.provisional_account_id)
    )


_CODE = Statement(
    with_grant(
        select(
            AuthorizationCode.digest,
            AuthorizationCode.redirect_uri,
            AuthorizationCode.code_challenge,
            AuthorizationCode.nonce,
            AuthorizationCode.expires_at,
            AuthorizationCode.consumed_at,
            *GRANTED,
        )
        .select_from(AuthorizationCode)
        .join(Grant, Grant.id == AuthorizationCode.grant_id)
        .where(AuthorizationCode.digest == bindparam("digest"), AuthorizationCode.client_id == bindparam("client_id"))
    )
)
_REFRESH = Statement(
    with_grant(
        select(RefreshToken.digest, RefreshToken.expires_at, RefreshToken.rotated_at, *GRANTED)
        .select_from(RefreshToken)
        .join(Grant, Grant.id == RefreshToken.grant_id)
        .where(RefreshToken.digest == bindparam("digest"), Grant.client_id == bindparam("client_id"))
    )
)
_GRANT = Statement(with_grant(select(*GRANTED).select_from(Grant).where(Grant.id == bindparam("grant_id"))))
CODES, REFRESHES = table_of(AuthorizationCode), table_of(RefreshToken)
_CONSUME = Guarded(
    CODES.update()
    .where(
        CODES.c.digest == bindparam("b_digest"),
        CODES.c.consumed_at.is_(None),
        CODES.c.expires_at > bindparam("b_now"),
    )
    .values(consumed_at=bindparam("b_now"))
)
_ROTATE = Guarded(
    REFRESHES.update()
    .where(REFRESHES.c.digest == bindparam("b_digest"), REFRESHES.c.rotated_at.is_(None))
    .values(rotated_at=bindparam("b_now"))
)
_LIVE_GRANT = Statement(
    select(Grant.account_id, Grant.client_id, Grant.scope, Grant.sid)
    .join(Account, Account.id == Grant.account_id)
    .where(
        Grant.id == bindparam("grant_id"),
        Grant.revoked_at.is_(None),
        Grant.expires_at > bindparam("now"),
        Account.state == AccountState.ACTIVE,
    )
)


def code(db: Connection, digest: str, *, client_id: str, now: datetime) -> Code | None:
    """A code that was issued to this client, used ones too."""
    rows = _CODE.rows(db, {"digest": digest, "client_id": client_id})
    if not rows:
        return None
    digest, redirect_uri, challenge, nonce, expires_at, consumed_at = rows[0][:6]
    return Code(
        digest, redirect_uri, challenge, nonce, expires_at, consumed_at is not None, gather(rows, skip=6, now=now)
    )


def consume_code(db: Connection, digest: str, *, now: datetime, adding: Rows) -> bool:
    """Spend a code; exactly one caller ever succeeds, and adds the rows. The code's stays: a replay is recognised."""
    return _CONSUME.won(db, {"b_digest": digest, "b_now": now}, adding)


def forget_code(db: Executor, digest: str) -> None:
    """Delete a code that expired unspent, and so bought nothing that a replay would have to revoke."""
    db.execute(delete(AuthorizationCode).where(CODES.c.digest == digest, CODES.c.consumed_at.is_(None)))


def refresh_token(db: Connection, digest: str, *, client_id: str, now: datetime) -> Refresh | None:
    """A refresh token that was issued to this client, rotated ones too."""
    rows = _REFRESH.rows(db, {"digest": digest, "client_id": client_id})
    if not rows:
        return None
    digest, expires_at, rotated_at = rows[0][:3]
    return Refresh(digest, expires_at, rotated_at, gather(rows, skip=3, now=now))


def rotate(db: Connection, digest: str, *, now: datetime, adding: Rows) -> bool:
    """Replace a refresh token; exactly one caller ever succeeds, and adds the rows."""
    return _ROTATE.won(db, {"b_digest": digest, "b_now": now}, adding)


def forget_refresh_token(db: Executor, digest: str) -> None:
    """Delete a refresh token that expired unused."""
    db.execute(delete(RefreshToken).where(REFRESHES.c.digest == digest, REFRESHES.c.rotated_at.is_(None)))


def refresh_row(*, digest: str, grant_id: str, now: datetime, expires_at: datetime) -> Rows:
    """A new refresh token, to be added."""
    row = {"digest": digest, "grant_id": grant_id, "created_at": now, "expires_at": expires_at, "rotated_at": None}
    return {REFRESHES: row}


def successor_alive(db: Connection, digest: str, *, now: datetime) -> bool:
    """Whether the token that replaced another one has itself not been used yet."""
    statement = select(RefreshToken.digest).where(
        RefreshToken.digest == digest, RefreshToken.rotated_at.is_(None), RefreshToken.expires_at > now
    )
    return db.execute(statement).first() is not None


def granted(db: Executor, grant_id: str, *, now: datetime) -> Granted | None:
    """A grant as tokens need it."""
    rows = _GRANT.rows(db, {"grant_id": grant_id})
    return gather(rows, skip=0, now=now) if rows else None


def live_grant(db: Connection, grant_id: str, *, now: datetime) -> Granted | None:
    """The grant of an access token, when it still stands."""
    row = _LIVE_GRANT.row(db, {"grant_id": grant_id, "now": now})
    if row is None:
        return None
    return Granted(grant_id, row[0], row[1], row[3], row[2], now, now, True, None, None, ())


def gather(rows: Any, *, skip: int, now: datetime) -> Granted:
    """What the rows of GRANTED say of one grant. skip: columns before them."""
    first = rows[0][skip:]
    grant_id, account_id, client_id, sid, scope, authenticated_at, created_at, revoked_at, expires_at = first[:9]
    state, customer_code, company_code, agency_name, closed_at = first[9:14]
    open_agency = customer_code is not None and closed_at is None
    memberships = tuple(
        {"client": customer_code, "societe": company_code, "agency_name": agency_name, "role": row[skip + 15]}
        for row in rows
        if open_agency and row[skip + 14] is not None
    )
    return Granted(
        grant_id,
        account_id,
        client_id,
        sid,
        scope,
        authenticated_at,
        created_at,
        revoked_at is None and expires_at > now and state == AccountState.ACTIVE,
        customer_code if open_agency else None,
        company_code if open_agency else None,
        memberships,
        first[16],
        first[17] or {},
        tuple(first[18] or ()),
    )
