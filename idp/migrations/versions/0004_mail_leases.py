"""Mails have fenced leases, domains take turns, and a domain that puts mails off is left alone for a while."""

from __future__ import annotations

import sqlalchemy as sa

from idp.migrations import online

revision = "0004"
down_revision = "0003"
oldest_program = "0001"


def upgrade() -> None:
    online.add_column("outbox_mails", sa.Column("lease", sa.Integer(), server_default="0", nullable=False))
    online.add_column("outbox_mails", sa.Column("domain", sa.String(length=254), server_default="", nullable=False))
    turns = ["domain", "next_attempt_at", "leased_until", "id"]
    online.create_index("ix_outbox_mails_turns", "outbox_mails", turns, where="state = 'queued'")
    online.create_table(
        "mail_domains",
        sa.Column("domain", sa.String(length=254), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_answer", sa.String(length=300), nullable=False),
        sa.PrimaryKeyConstraint("domain", name="pk_mail_domains"),
    )
    online.create_index("ix_mail_domains_failed_at", "mail_domains", ["failed_at"])
