"""The SQL that only operators need and that belongs to no single thing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from idp.accounts.tables import ProvisionalAccount
from idp.audit.tables import AuditEvent
from idp.mail.tables import OutboxMail
from idp.sessions.tables import BrowserSession
from idp.terms.tables import Terms


def live_sessions(db: Session, account_id: str, *, now: datetime) -> Sequence[BrowserSession]:
    """Sign-ins of an account that have neither ended nor reached their end, the latest first."""
    statement = select(BrowserSession).where(
        BrowserSession.account_id == account_id, BrowserSession.ended_at.is_(None), BrowserSession.expires_at > now
    )
    return db.scalars(statement.order_by(BrowserSession.authenticated_at.desc())).all()


def count_sign_ins(db: Session) -> int:
    """How many sign-ins, of everybody, did not end."""
    return db.scalars(select(func.count()).select_from(BrowserSession).where(BrowserSession.ended_at.is_(None))).one()


def all_terms(db: Session) -> Sequence[Terms]:
    """Every version, newest first."""
    return db.scalars(select(Terms).order_by(Terms.version.desc())).all()


def secret_replaced_at(db: Session) -> datetime | None:
    """When `idp keys renew` last forgot keys of another master secret; None when it never did, within the retention."""
    renewed = select(AuditEvent.at, AuditEvent.details).where(AuditEvent.name == "cli.keys-renewed")
    return max((row.at for row in db.execute(renewed) if row.details.get("forgotten")), default=None)


def waiting_mails(db: Session) -> tuple[int, datetime | None]:
    """How many mails wait, and since when the oldest does."""
    statement = select(func.count(), func.min(OutboxMail.created_at)).where(OutboxMail.state == "queued")
    count, oldest = db.execute(statement).one()
    return count, oldest


def waiting_letters(db: Session) -> int:
    """How many passwords made here have not left in a letters file."""
    return db.scalars(select(func.count(ProvisionalAccount.sealed_password))).one()


@dataclass(frozen=True)
class Privileges:
    """What the role of the connection may do. excessive: that the service must not; missing: tables it cannot use."""

    role: str
    excessive: tuple[str, ...]
    missing: tuple[str, ...]


_ROLE = text(
    "SELECT current_user, rolsuper OR rolcreatedb OR rolcreaterole OR rolbypassrls, "
    "has_schema_privilege(current_schema(), 'CREATE') FROM pg_roles WHERE rolname = current_user"
)
_RIGHTS = text(
    "SELECT relname, pg_has_role(current_user, relowner, 'USAGE'), has_table_privilege(c.oid, 'SELECT'), "
    "has_table_privilege(c.oid, 'INSERT'), has_table_privilege(c.oid, 'UPDATE'), has_table_privilege(c.oid, 'DELETE') "
    "FROM pg_class c WHERE relkind IN ('r', 'p') AND relnamespace = to_regnamespace(current_schema()) ORDER BY relname"
)
# What is only read (no letter), added to (INSERT), and everything else, which is written freely.
_LIMITED = {
    "audit_events": {"INSERT"},
    "audit_links": {"INSERT"},
    "audit_anchors": set[str](),
    "alembic_version": set[str](),
    "schema_steps": set[str](),
}


def privileges(db: Session) -> Privileges | None:
    """What config/postgresql gives the service, against what it has; None on SQLite, which has no roles."""
    if db.get_bind().dialect.name != "postgresql":
        return None
    role, powerful, creates = db.execute(_ROLE).one()
    excessive = ["is an administrator"] * powerful + ["creates tables"] * creates
    missing: list[str] = []
    for table, owns, *held in db.execute(_RIGHTS):
        has = {right for right, given in zip(("SELECT", "INSERT", "UPDATE", "DELETE"), held, strict=True) if given}
        meant = {"SELECT"} | _LIMITED.get(table, {"INSERT", "UPDATE", "DELETE"})
        if owns:
            excessive.append(f"owns {table}")
        excessive += [f"{right} on {table}" for right in sorted(has - meant) if not owns]
        missing += [f"{right} on {table}" for right in sorted(meant - has)]
    return Privileges(role, tuple(excessive), tuple(missing))


def database_clock(db: Session) -> datetime | None:
    """What time the database's host has; None where it is this host."""
    if db.get_bind().dialect.name != "postgresql":
        return None
    there: datetime = db.execute(text("SELECT clock_timestamp()")).scalar_one()
    return there
