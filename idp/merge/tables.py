"""Table of the merge flows."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from idp.database import Model, Utc


class MergeFlow(Model):
    """One offer to merge; see `flow.py` for what the states mean. `upgrade_flow_id` is where it came from."""

    __tablename__ = "merge_flows"
    __table_args__ = (Index(None, "provisional_account_id"), Index(None, "expires_at"))

    id: Mapped[str] = mapped_column(String(43), primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(24))
    agency_id: Mapped[str] = mapped_column(ForeignKey("agencies.id"))
    upgrade_flow_id: Mapped[str] = mapped_column(String(43), index=True)
    provisional_account_id: Mapped[str] = mapped_column(ForeignKey("provisional_accounts.id"))
    browser_digest: Mapped[str] = mapped_column(String(64))
    authorization_id: Mapped[str | None] = mapped_column(String(43))
    email: Mapped[str] = mapped_column(String(254))
    email_key: Mapped[str] = mapped_column(String(254))
    account_id: Mapped[str | None] = mapped_column(ForeignKey("accounts.id"))
    created_at: Mapped[datetime] = mapped_column(Utc)
    expires_at: Mapped[datetime] = mapped_column(Utc)
