"""${message}."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from idp.migrations import online
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
# The oldest program that may serve on this schema. Raised only by a step that takes something away (docs/cli.md).
oldest_program = "0001"


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}
