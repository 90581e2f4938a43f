"""Deleting the letters that nobody can use any more because their passwords were kept under another master secret.

In small transactions one after the other; killed half-way and run again it deletes the rest. The agency's next import
makes the letters anew, with passwords of the present secret.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from idp.database import transaction
from idp.patience import again
from idp.rights import store
from idp.rights.holdings.kinds import Person

BATCH = 500


def erase_unused(*, before: datetime) -> Iterator[Counter[str]]:
    """Delete the letters made before an instant that nobody has used; yields how many of which agency, by its codes."""
    while gone := _some(before):
        yield gone


@again
def _some(before: datetime) -> Counter[str]:
    with transaction() as db:
        found = store.unused_letters(db, before=before, limit=BATCH)
        if found:
            store.erase(db, Person(None, "", tuple(found)))
        codes = store.agencies(db) if found else {}
    return Counter(codes[agency_id] for agency_id in found.values())
