"""What happened to each line of an import, and the counts of a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """A line is exactly one of the first five; it may have warnings besides."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    DUPLICATE = "duplicate"
    WARNING = "warning"


@dataclass(slots=True)
class Outcome:
    """line: of the file, where the record starts. reason: a French sentence; empty where there is nothing to say."""

    line: int
    outcome: Kind
    identifier: str
    reason: str = ""


@dataclass
class Totals:
    """Counts of a run. letters: rows that left in the letters file; letters_waiting: passwords that wait for one."""

    counts: dict[Kind, int] = field(default_factory=lambda: dict.fromkeys(Kind, 0))
    letters: int = 0
    letters_waiting: int = 0

    def add(self, outcome: Outcome) -> None:
        self.counts[outcome.outcome] += 1

    @property
    def lines(self) -> int:
        """Records that were looked at."""
        return sum(count for kind, count in self.counts.items() if kind is not Kind.WARNING)

    def as_dict(self) -> dict[str, int]:
        """The counts under the names of the JSON output."""
        return {
            "created": self.counts[Kind.CREATED],
            "updated": self.counts[Kind.UPDATED],
            "unchanged": self.counts[Kind.UNCHANGED],
            "refused": self.counts[Kind.REFUSED],
            "duplicates": self.counts[Kind.DUPLICATE],
            "warnings": self.counts[Kind.WARNING],
            "letters": self.letters,
            "letters_waiting": self.letters_waiting,
        }
