"""Table of the upgrade flows."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from idp.database import Model, Utc


class UpgradeFlow(Model):
    """One run of an upgrade in one browser tab; see `flow.py` for what the states mean."""

    __tablename__ = "upgrade_flows"
    __table_args__ = (Index(None, "provisional_account_id"), Index(None, "email_key"), Index(None, "expires_at"))

    id: Mapped[str] = mapped_column(String(43), primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(24))
    agency_id: Mapped[str] = mapped_column(ForeignKey("agencies.id"))
    provisional_account_id: Mapped[str] = mapped_column(ForeignKey("provisional_accounts.id"))
    browser_digest: Mapped[str] = mapped_column(String(64))
    authorization_id: Mapped[str | None] = mapped_column(String(43))
    email: Mapped[str | None] = mapped_column(String(254))
    email_key: Mapped[str | None] = mapped_column(String(254))
    password_hash: Mapped[str | None] = mapped_column(String(100))
    password_browser_digest: Mapped[str | None] = mapped_column(String(64))
    terms_id: Mapped[str | None] = mapped_column(ForeignKey("terms.id"))
    account_id: Mapped[str | None] = mapped_column(ForeignKey("accounts.id"))
    followed_at: Mapped[datetime | None] = mapped_column(Utc)
    created_at: Mapped[datetime] = mapped_column(Utc)
    expires_at: Mapped[datetime] = mapped_column(Utc)
