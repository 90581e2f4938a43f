"""Tables of the authorization endpoint."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from idp.database import Model, Utc


class AuthorizationRequest(Model):
    """A validated request that waits for the person; `answered_at` makes its answer happen once."""

    __tablename__ = "authorization_requests"
    __table_args__ = (Index(None, "expires_at"),)

    id: Mapped[str] = mapped_column(String(43), primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.id", ondelete="CASCADE"))
    agency_id: Mapped[str | None] = mapped_column(String(32))
    browser_digest: Mapped[str] = mapped_column(String(64))
    parameters: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(Utc)
    expires_at: Mapped[datetime] = mapped_column(Utc)
    answered_at: Mapped[datetime | None] = mapped_column(Utc)


class AuthorizationCode(Model):
    """A code, by its digest. The row stays after use: a second presentation revokes what the first one bought."""

    __tablename__ = "authorization_codes"
    __table_args__ = (Index(None, "expires_at"),)

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    grant_id: Mapped[str] = mapped_column(ForeignKey("grants.id", ondelete="CASCADE"), index=True)
    client_id: Mapped[str] = mapped_column(String(64))
    redirect_uri: Mapped[str] = mapped_column(String(2000))
    code_challenge: Mapped[str | None] = mapped_column(String(43))
    nonce: Mapped[str | None] = mapped_column(String(4096))
    expires_at: Mapped[datetime] = mapped_column(Utc)
    consumed_at: Mapped[datetime | None] = mapped_column(Utc)
