"""Table of the reset flows."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from idp.database import Model, Utc


class ResetFlow(Model):
    """One request for a new password; `account_id` is null when nobody has the typed address."""

    __tablename__ = "reset_flows"
    __table_args__ = (Index(None, "account_id"), Index(None, "browser_digest"), Index(None, "expires_at"))

    id: Mapped[str] = mapped_column(String(43), primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(24))
    agency_id: Mapped[str | None] = mapped_column(ForeignKey("agencies.id"))
    account_id: Mapped[str | None] = mapped_column(ForeignKey("accounts.id"))
    browser_digest: Mapped[str] = mapped_column(String(64))
    authorization_id: Mapped[str | None] = mapped_column(String(43))
    merge_flow_id: Mapped[str | None] = mapped_column(String(43))
    email: Mapped[str] = mapped_column(String(254))
    created_at: Mapped[datetime] = mapped_column(Utc)
    expires_at: Mapped[datetime] = mapped_column(Utc)
