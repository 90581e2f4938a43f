"""Takes away what only programs before 0002 read."""

from __future__ import annotations

from alembic import op

from idp.migrations import online

revision = "0003"
down_revision = "0002"
oldest_program = "0002"


def upgrade() -> None:
    online.drop_index("ix_people_name", "people")
    with op.batch_alter_table("people") as people:
        people.drop_column("name")
