"""Tables of the outbox, and of the domains that put mails off."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from idp.database import Model, Utc


class OutboxMail(Model):
    """A mail to send. `state`: queued, sent, refused for good, or discarded; `leased_until`: a sender is at it.

    `lease` numbers the leases, and fences them: what a sender of an older one says does not count. `domain`: of the
    recipient, in small letters; empty in rows that an older version of the program wrote.
    """

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
        # All that is asked to find whose turn it is, in its order: bodies are long, and not read for that.
        Index(
            "ix_outbox_mails_turns",
            "domain",
            "next_attempt_at",
            "leased_until",
            "id",
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
    lease: Mapped[int] = mapped_column(Integer, server_default="0")
    domain: Mapped[str] = mapped_column(String(254), server_default="")
    last_answer: Mapped[str | None] = mapped_column(String(300))
    created_at: Mapped[datetime] = mapped_column(Utc)
    sent_at: Mapped[datetime | None] = mapped_column(Utc)


class MailDomain(Model):
    """A domain of recipients that put mails off lately. `failures`: in a row; a mail that it takes ends the row."""

    __tablename__ = "mail_domains"
    __table_args__ = (Index(None, "failed_at"),)

    domain: Mapped[str] = mapped_column(String(254), primary_key=True)
    failures: Mapped[int] = mapped_column(Integer)
    failed_at: Mapped[datetime] = mapped_column(Utc)
    paused_until: Mapped[datetime | None] = mapped_column(Utc)
    last_answer: Mapped[str] = mapped_column(String(300))
