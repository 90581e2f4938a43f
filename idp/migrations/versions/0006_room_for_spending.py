"""Pages of codes and refresh tokens keep room: a row that is spent stays on its page, and its three indexes as they are."""

from __future__ import annotations

from idp.migrations import online

revision = "0006"
down_revision = "0005"
oldest_program = "0001"


def upgrade() -> None:
    for table in ("authorization_codes", "refresh_tokens"):
        online.fill_pages(table, percent=90)
