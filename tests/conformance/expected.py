"""What a provider is known not to pass, each with the reason. For our own provider nothing is."""

from __future__ import annotations

from dataclasses import dataclass

from tests.conformance.plans import Entry


@dataclass(frozen=True)
class Expected:
    """result: failed, warned or skipped. condition: the one that finds it; empty for a skip."""

    module: str
    result: str
    condition: str
    why: str
    response_types: tuple[str, ...] = ()

    def covers(self, entry: Entry) -> bool:
        return entry.module.name == self.module and (
            not self.response_types or entry.variant.response_type in self.response_types
        )


OURS: tuple[Expected, ...] = ()

PEER: tuple[Expected, ...] = ()

OF = {"ours": OURS, "oidc_provider": PEER}
