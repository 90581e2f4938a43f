"""Pages of letters are filled by half: the row without its password finds room beside the one that had it (decision 0033)."""

from __future__ import annotations

from idp.migrations import online

revision = "0005"
down_revision = "0004"
oldest_program = "0001"


def upgrade() -> None:
    online.fill_pages("provisional_accounts", percent=50)
