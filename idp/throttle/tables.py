"""Table of the counters."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from idp.database import Model, Utc


class ThrottleCounter(Model):
    """Attempts on one key (a keyed digest: no address or network is stored in clear)."""

    __tablename__ = "throttle_counters"
    __table_args__ = (Index(None, "forget_at"),)

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    attempts: Mapped[int] = mapped_column(Integer)
    blocked_until: Mapped[datetime] = mapped_column(Utc)
    forget_at: Mapped[datetime] = mapped_column(Utc)
