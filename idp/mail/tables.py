"""Table of the outbox."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from idp.database import Model, Utc


class OutboxMail(Model):
    """A mail to send. `state`: queued, sent, refused for good, or discarded; `leased_until`: a sender is at it."""

    __tablename__ = "outbox_mails"
    __table_args__ = (
        Index(None, "state", "next_attempt_at"),
        Index(None, "flow_id"),
        # Small, since mails are sent: how long the oldest one has waited is asked every few seconds.
        Index(
            "ix_outbox_mails_waiting",
            "created_at",
            sqlite_where=text("state = 'queued'"),
            postgresql_where=text("state = 'queued'"),
        ),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    flow_id: Mapped[str | None] = mapped_column(String(43))
    recipient: Mapped[str] = mapped_column(String(254))
    sender_name: Mapped[str] = mapped_column(String(200))
    subject: Mapped[str] = mapped_column(String(300))
    text: Mapped[str | None] = mapped_column(Text)
    html: Mapped[str | None] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(10))
    attempts: Mapped[int] = mapped_column(Integer)
    next_attempt_at: Mapped[datetime] = mapped_column(Utc)
    leased_until: Mapped[datetime | None] = mapped_column(Utc)
    last_answer: Mapped[str | None] = mapped_column(String(300))
    created_at: Mapped[datetime] = mapped_column(Utc)
    sent_at: Mapped[datetime | None] = mapped_column(Utc)
