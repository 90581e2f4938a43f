"""Table of the refresh tokens."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from idp.database import Model, Utc


class RefreshToken(Model):
    """One token of a grant's family, by its digest. The row stays after rotation: its reuse revokes the grant."""

    __tablename__ = "refresh_tokens"
    __table_args__ = (Index(None, "expires_at"),)

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    grant_id: Mapped[str] = mapped_column(ForeignKey("grants.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(Utc)
    expires_at: Mapped[datetime] = mapped_column(Utc)
    rotated_at: Mapped[datetime | None] = mapped_column(Utc)
