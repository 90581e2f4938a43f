"""What Alembic runs: on the connection of `idp.migrations.upgrade`, or on the settings' database for a new step.

Making a step from the models: `alembic -c idp/migrations/alembic.ini revision --autogenerate --rev-id 0009 -m "…"`
with the settings of a database that is at the present version; then its functions of `op` become those of `online`.
"""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy.engine import Connection

import idp.tables  # noqa: F401 - all tables must be known before they are compared
from idp.database import Utc, db


def render_item(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Our own types as plain SQLAlchemy: a step must not change its meaning when the program does."""
    if kind == "type" and isinstance(item, Utc):
        return "sa.DateTime(timezone=True)"
    return False


def _applied(*_: Any, **__: Any) -> None:
    """After a step, in the transaction of its number."""
    done = context.config.attributes.get("done")
    if done is not None:
        done()


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=db.metadata,
        render_item=render_item,
        render_as_batch=True,  # SQLite cannot alter a column: batch operations rebuild the table there
        transaction_per_migration=True,
        on_version_apply=_applied,
    )
    with context.begin_transaction():
        context.run_migrations()


given: Connection | None = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    from idp.database_app import create_database_app
    from idp.settings import load

    app = create_database_app(load())
    with app.app_context(), db.engine.connect() as own, own.begin():
        run(own)
