"""Table of the sign-ins."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from idp.database import Model, Utc


class BrowserSession(Model):
    """A signed-in browser. The cookie's secret is stored only as `digest`; `sid` is what tokens call the sign-in."""

    __tablename__ = "sessions"
    __table_args__ = (
        Index(None, "account_id"),
        Index(None, "browser_digest"),
        Index(None, "sid"),
        Index(None, "expires_at"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    sid: Mapped[str] = mapped_column(String(32))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"))
    browser_digest: Mapped[str] = mapped_column(String(64))
    authenticated_at: Mapped[datetime] = mapped_column(Utc)
    last_seen_at: Mapped[datetime] = mapped_column(Utc)
    expires_at: Mapped[datetime] = mapped_column(Utc)
    ended_at: Mapped[datetime | None] = mapped_column(Utc)
