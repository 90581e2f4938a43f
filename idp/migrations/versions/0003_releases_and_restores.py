"""What programs may serve, and when the database was put back from a backup.

`schema_steps` lets a program serve on a newer schema that was made for it too; `epochs` numbers the restores.
"""

from __future__ import annotations

import sqlalchemy as sa

from idp.migrations import online

revision = "0003"
down_revision = "0002"
oldest_program = "0001"


def upgrade() -> None:
    online.create_table(
        "schema_steps",
        sa.Column("number", sa.String(length=4), nullable=False),
        sa.Column("oldest_program", sa.String(length=4), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_schema_steps"),
    )
    online.create_table(
        "epochs",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("place", sa.String(length=60), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("number", name="pk_epochs"),
    )
