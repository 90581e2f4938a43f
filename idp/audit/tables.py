"""Tables of the audit trail."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from idp.database import Model, Utc


class AuditEvent(Model):
    """One deed. `subject` is the account or letter it was done to; `cause` the flow, request or command behind it."""

    __tablename__ = "audit_events"
    __table_args__ = (
        Index(None, "subject"),
        Index(None, "at", "id"),
        Index(None, "request"),
        Index(None, "address_digest"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    at: Mapped[datetime] = mapped_column(Utc)
    name: Mapped[str] = mapped_column(String(60))
    subject: Mapped[str | None] = mapped_column(String(43))
    agency_id: Mapped[str | None] = mapped_column(String(32))
    cause: Mapped[str | None] = mapped_column(String(64))
    # The correlation id that the person's page and the log show.
    request: Mapped[str | None] = mapped_column(String(64))
    network_digest: Mapped[str | None] = mapped_column(String(64))
    address_digest: Mapped[str | None] = mapped_column(String(32))
    details: Mapped[dict[str, Any]] = mapped_column(JSON)
    # Made by who wrote the event, under a key that is not in the database.
    mac: Mapped[str] = mapped_column(String(64))


class AuditLink(Model):
    """An event's place in the chain. `link` covers the event, its place, and the link before."""

    __tablename__ = "audit_links"

    position: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    event_id: Mapped[str] = mapped_column(String(32), unique=True)
    sealed_at: Mapped[datetime] = mapped_column(Utc)
    link: Mapped[str] = mapped_column(String(64))


class AuditAnchor(Model):
    """Where the chain begins since its old end was cut off: the last link that is gone. One row, `id` 1, or none."""

    __tablename__ = "audit_anchors"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(BigInteger)
    link: Mapped[str] = mapped_column(String(64))
    sealed_at: Mapped[datetime] = mapped_column(Utc)
    mac: Mapped[str] = mapped_column(String(64))
