"""The steps of the schema as their files name them, without loading Alembic, which takes 0.3 s of every start.

A step says besides its number which is the oldest program that may serve on the schema that it makes
(`oldest_program`). A step that keeps it *expands*: it runs while the program before serves. One that raises it
*contracts*: it takes away what only older programs need, and runs when the last of them has gone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

VERSIONS = Path(__file__).parent / "versions"
_OLDEST = re.compile(r'^oldest_program = "(\d{4})"$', re.MULTILINE)


@dataclass(frozen=True)
class Step:
    """number: four digits, the order. oldest_program: the newest step that the oldest program able to serve on it knows."""

    number: str
    oldest_program: str
    contracts: bool


def steps(versions: Path = VERSIONS) -> tuple[Step, ...]:
    """Every step, oldest first. Raises ValueError for one that does not say who may serve on it."""
    found: list[Step] = []
    for path in sorted(versions.glob("[0-9]*_*.py")):
        number = path.name.partition("_")[0]
        oldest = number
        if found:  # nobody served before the first one
            said = _OLDEST.search(path.read_text(encoding="utf-8"))
            if said is None:
                raise ValueError(f"{path.name} does not say `oldest_program`")
            oldest = said[1]
        found.append(Step(number, oldest, contracts=bool(found) and oldest > found[-1].oldest_program))
    return tuple(found)


def needed(known: Sequence[Step]) -> str:
    """The oldest schema that this program works on: what only contracts may wait until its predecessors are gone."""
    return next(step.number for step in reversed(known) if not step.contracts)


def due(known: Sequence[Step], current: str | None, *, contract: bool) -> tuple[Step, ...]:
    """What an upgrade does now: everything in an empty database, else up to the first step that contracts."""
    pending = [step for step in known if current is None or step.number > current]
    if current is None or contract:
        return tuple(pending)
    stop = next((place for place, step in enumerate(pending) if step.contracts), len(pending))
    return tuple(pending[:stop])
