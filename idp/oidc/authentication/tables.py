"""Table of what was shown once and may not be shown again."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from idp.database import Model, Utc


class ReplayGuard(Model):
    """The digest of a client and its `jti`, until the assertion would be too old anyway."""

    __tablename__ = "replay_guards"
    __table_args__ = (Index(None, "expires_at"),)

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(Utc)
