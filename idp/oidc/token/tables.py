"""Tables of the refresh tokens and of the access tokens that are not signed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, String
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


class AccessToken(Model):
    """An opaque access token, by its digest; only for clients that registered so. Null grant: the client's own."""

    __tablename__ = "access_tokens"
    __table_args__ = (Index(None, "expires_at"),)

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    grant_id: Mapped[str | None] = mapped_column(ForeignKey("grants.id", ondelete="CASCADE"), index=True)
    client_id: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(64))
    scope: Mapped[str] = mapped_column(String(500))
    audience: Mapped[list[str]] = mapped_column(JSON)
    issued_at: Mapped[datetime] = mapped_column(Utc)
    expires_at: Mapped[datetime] = mapped_column(Utc)
