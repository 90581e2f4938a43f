"""No case is passed over in silence."""

from __future__ import annotations

import re
from pathlib import Path

from tests.attacks.catalogue import CASES, NOT_OFFERED
from tests.attacks.table import named_in

_MARKED = re.compile(r"@attack\(([^)]*)\)")


def test_every_case_has_a_test_or_a_reason_and_never_both() -> None:
    marked: set[str] = set()
    for path in Path(__file__).parent.parent.rglob("test_*.py"):
        for arguments in _MARKED.findall(path.read_text()):
            marked |= set(re.findall(r'"([A-Z]\d+)"', arguments))
        marked |= named_in(path.read_text())

    assert marked == set(CASES)
    assert not set(CASES) & set(NOT_OFFERED)
    assert all(NOT_OFFERED.values())
