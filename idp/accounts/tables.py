"""Tables of the people."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from idp.database import Model, Utc


class ProvisionalAccount(Model):
    """One line of an agency's export: a person's letter, and the person's data at that agency."""

    __tablename__ = "provisional_accounts"
    __table_args__ = (
        UniqueConstraint("agency_id", "identifier_key"),
        Index(None, "suggested_email"),
        # Each made letter is written twice, with its password and without: half a page of room makes the second one cheap.
        {"postgresql_with": {"fillfactor": 50}},
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    agency_id: Mapped[str] = mapped_column(ForeignKey("agencies.id"))
    identifier: Mapped[str] = mapped_column(String(80))
    identifier_key: Mapped[str] = mapped_column(String(80))
    password_digest: Mapped[str] = mapped_column(String(100))
    # The generated password, encrypted, until it has left in a letters file; then null.
    sealed_password: Mapped[str | None] = mapped_column(String(200))
    expires_at: Mapped[datetime] = mapped_column(Utc)
    closed_at: Mapped[datetime | None] = mapped_column(Utc)

    civility: Mapped[str] = mapped_column(String(20))
    last_name: Mapped[str] = mapped_column(String(120))
    first_name: Mapped[str] = mapped_column(String(120))
    company_name: Mapped[str] = mapped_column(String(200))
    suggested_email: Mapped[str | None] = mapped_column(String(254))
    phone: Mapped[str | None] = mapped_column(String(20))
    street: Mapped[str] = mapped_column(String(300))
    postal_code: Mapped[str] = mapped_column(String(12))
    city: Mapped[str] = mapped_column(String(120))
    role: Mapped[str] = mapped_column(String(20))
    mandate: Mapped[str] = mapped_column(String(40))

    # The run and line that last changed this row, and a digest of what they said, so that the same line changes nothing.
    import_run: Mapped[str] = mapped_column(String(32))
    import_line: Mapped[int] = mapped_column(Integer)
    import_digest: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(Utc)
    updated_at: Mapped[datetime] = mapped_column(Utc)


class Contract(Model):
    """A contract of a person at an agency."""

    __tablename__ = "contracts"
    __table_args__ = (UniqueConstraint("provisional_account_id", "reference"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    provisional_account_id: Mapped[str] = mapped_column(ForeignKey("provisional_accounts.id"))
    reference: Mapped[str] = mapped_column(String(60))
    role: Mapped[str] = mapped_column(String(20))
    mandate: Mapped[str] = mapped_column(String(40))
    position: Mapped[int] = mapped_column(Integer)


class Account(Model):
    """A strong account: the person. `id` is the OpenID subject: opaque, random, never reassigned (OIDC Core 2)."""

    __tablename__ = "accounts"

    id: Mapped[str] = mapped_column(String(43), primary_key=True)
    email: Mapped[str] = mapped_column(String(254))
    email_key: Mapped[str] = mapped_column(String(254), unique=True)
    password_hash: Mapped[str] = mapped_column(String(100))
    state: Mapped[str] = mapped_column(String(20))
    created_at: Mapped[datetime] = mapped_column(Utc)
    password_changed_at: Mapped[datetime] = mapped_column(Utc)


class Membership(Model):
    """An account's place at an agency, made from one provisional account. `origin` says by which flow."""

    __tablename__ = "memberships"
    __table_args__ = (Index(None, "account_id"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"))
    agency_id: Mapped[str] = mapped_column(ForeignKey("agencies.id"))
    # One letter makes one membership, whatever races: this constraint decides.
    provisional_account_id: Mapped[str] = mapped_column(ForeignKey("provisional_accounts.id"), unique=True)
    origin: Mapped[str] = mapped_column(String(20))
    created_at: Mapped[datetime] = mapped_column(Utc)
