"""A started service beside the shared world."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.served import Served
from tests.support.world import ProviderServer


@pytest.fixture(scope="module")
def served(provider: ProviderServer) -> Iterator[Served]:
    made = Served(provider)
    yield made
    made.stop()
