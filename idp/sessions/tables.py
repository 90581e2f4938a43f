"""Table of the sign-ins."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from idp.database import Model, Utc

_UNANNOUNCED = "ended_at IS NOT NULL AND announced_at IS NULL"


class BrowserSession(Model):
    """A signed-in browser. The cookie's secret is stored only as `digest`; `sid` is what tokens call the sign-in.

    announced_at: when whoever wants to know was told of the end. Whatever ends a row, by whichever statement, leaves
    it empty, and so puts the end in the queue of what is to be announced.
    """

    __tablename__ = "sessions"
    __table_args__ = (
        Index(None, "account_id"),
        Index(None, "browser_digest"),
        Index(None, "sid"),
        Index(None, "expires_at"),
        # Few rows at any time: what ended and was not announced yet.
        Index(
            "ix_sessions_unannounced",
            "ended_at",
            sqlite_where=text(_UNANNOUNCED),
            postgresql_where=text(_UNANNOUNCED),
        ),
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
    announced_at: Mapped[datetime | None] = mapped_column(Utc)
