"""A mailed link remembers what kind of machine it was asked for on, which its page tells."""

from __future__ import annotations

import sqlalchemy as sa

from idp.migrations import online

revision = "0002"
down_revision = "0001"
oldest_program = "0001"


def upgrade() -> None:
    online.add_column("links", sa.Column("asked_on", sa.String(length=16), nullable=True))
