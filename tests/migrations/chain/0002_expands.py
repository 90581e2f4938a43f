"""Everything that a step may do while the program before serves, stopping where a test wants to kill it."""

from __future__ import annotations

import os
import sys

import sqlalchemy as sa

from idp.migrations import online

revision = "0002"
down_revision = "0001"
oldest_program = "0001"


def upgrade() -> None:
    online.create_table(
        "schema_steps",
        sa.Column("number", sa.String(4), primary_key=True),
        sa.Column("oldest_program", sa.String(4), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=False),
    )
    _stop("table")
    online.add_column("people", sa.Column("greeting", sa.String(60)))
    _stop("column")
    online.create_index("ix_people_name", "people", ["name"])
    _stop("index")
    online.fill("people", "id", {"greeting": "'Bonjour ' || name"}, missing="greeting IS NULL AND id < 'p2'")
    _stop("half")
    online.fill("people", "id", {"greeting": "'Bonjour ' || name"}, missing="greeting IS NULL")
    _stop("full")


def _stop(here: str) -> None:
    """Says where it is and waits to be killed, where the test said so."""
    if os.environ.get("STOP_AT") == here:
        print("stopped", flush=True)
        sys.stdin.read()
