"""The short version of the soak: twelve laps, a year and a half."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.catalogue import fault
from tests.operations.soak import WARM, Soak
from tests.support.mailbox import Mailbox


@fault("X37", "X38")
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_tables_memory_descriptors_and_connections_find_their_bound(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, mailbox: Mailbox
) -> None:
    if kind == "sqlite":
        url = f"sqlite:///{tmp_path / 'soak.sqlite'}"
    else:
        new_database: Callable[[str], str] = request.getfixturevalue("new_database")
        url = new_database("soak")
    soak = Soak(url, mailbox, lives=1)
    try:
        for _ in range(2 * WARM):
            soak.lap()
        assert soak.growing() == []
        assert soak.laps[-1].rows["refresh_tokens"] > 0, "nothing lived"
    finally:
        soak.stop()
