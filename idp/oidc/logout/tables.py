"""Table of what portals are to be told."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from idp.database import Model, Utc


class LogoutNotice(Model):
    """A portal to tell that a sign-in ended. `state`: queued, told, or dead after a day of trying; `leased_until`: a
    sender is at it. The token is made when it is sent, so nothing here is a secret."""

    __tablename__ = "logout_notices"
    __table_args__ = (UniqueConstraint("sid", "client_id"), Index(None, "state", "next_attempt_at"))

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    client_id: Mapped[str] = mapped_column(String(64))
    account_id: Mapped[str] = mapped_column(String(32))
    sid: Mapped[str] = mapped_column(String(32))
    state: Mapped[str] = mapped_column(String(10))
    attempts: Mapped[int] = mapped_column(Integer)
    next_attempt_at: Mapped[datetime] = mapped_column(Utc)
    leased_until: Mapped[datetime | None] = mapped_column(Utc)
    last_answer: Mapped[str | None] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(Utc)
    told_at: Mapped[datetime | None] = mapped_column(Utc)
