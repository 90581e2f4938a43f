"""No fault is passed over in silence."""

from __future__ import annotations

import re
from pathlib import Path

from tests.faults.catalogue import FAULTS, WITHOUT_A_TEST

_MARKED = re.compile(r"@fault\(([^)]*)\)")


def test_every_fault_has_a_test_or_a_reason_and_never_both() -> None:
    marked: set[str] = set()
    for path in Path(__file__).parent.parent.rglob("test_*.py"):
        for arguments in _MARKED.findall(path.read_text(encoding="utf-8")):
            marked |= set(re.findall(r'"(X\d+)"', arguments))

    assert marked | set(WITHOUT_A_TEST) == set(FAULTS)
    assert not marked & set(WITHOUT_A_TEST)
