"""The state of a flow as its row says it: text, so perhaps a word of another version, or of a repair by hand."""

from __future__ import annotations

import logging
from enum import StrEnum
from typing import Any, TypeVar

from idp.errors import FlowExpired

log = logging.getLogger(__name__)
S = TypeVar("S", bound=StrEnum)


def read(states: type[S], row: Any) -> S:
    """The state of a row of upgrade, merge or reset.

    Raises FlowExpired where this version does not know it: nothing can be said of such a flow but that it goes no
    further, and whoever has it begins anew, as with one that was left for too long.
    """
    for state in states:
        if state == row.state:
            return state
    log.error(
        "flow in an unknown state", extra={"flow": row.id, "kind": states.__module__, "state": str(row.state)[:24]}
    )
    raise FlowExpired(agency_id=row.agency_id, authorization_id=row.authorization_id)
