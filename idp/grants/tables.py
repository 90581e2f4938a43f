"""Table of the grants."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from idp.database import Model, Utc


class Grant(Model):
    """Account x client x session, with what was authorised and how the person had proved who they are.

    claims: asked for by name, `{"id_token": [...], "userinfo": [...]}`; resources: audiences asked for (RFC 8707). Both
    are null for nearly every grant.
    """

    __tablename__ = "grants"
    __table_args__ = (
        Index(None, "account_id"),
        Index(None, "sid"),
        Index(None, "expires_at"),
        # Few rows at any time: the purge takes them a day later.
        Index(
            "ix_grants_revoked",
            "revoked_at",
            sqlite_where=text("revoked_at IS NOT NULL"),
            postgresql_where=text("revoked_at IS NOT NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"))
    client_id: Mapped[str] = mapped_column(String(64))
    sid: Mapped[str] = mapped_column(String(32))
    agency_id: Mapped[str | None] = mapped_column(String(32))
    scope: Mapped[str] = mapped_column(String(500))
    claims: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    resources: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    authenticated_at: Mapped[datetime] = mapped_column(Utc)
    created_at: Mapped[datetime] = mapped_column(Utc)
    expires_at: Mapped[datetime] = mapped_column(Utc)
    revoked_at: Mapped[datetime | None] = mapped_column(Utc)
