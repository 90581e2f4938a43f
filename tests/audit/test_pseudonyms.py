"""An event says who by opaque ids and keyed digests: whoever reads the trail alone learns no name (CNIL 2021-122)."""

from __future__ import annotations

import json

from sqlalchemy import select

from idp.accounts.tables import Account, ProvisionalAccount
from idp.audit.tables import AuditEvent
from tests.hostile.test_secrets import whole_journey
from tests.support.world import World

NETWORK = "127.0.0.1"
PERSONAL = ("identifier", "last_name", "suggested_email", "phone", "street", "city")


def test_no_event_of_a_whole_journey_holds_what_names_a_person(world: World) -> None:
    with world.reading() as db:
        before = set(db.scalars(select(AuditEvent.id)))
        people = set(db.scalars(select(ProvisionalAccount.id)))

    whole_journey(world)

    with world.reading() as db:
        events = [event for event in db.scalars(select(AuditEvent)) if event.id not in before]
        letters = [one for one in db.scalars(select(ProvisionalAccount)) if one.id not in people]
        values = {str(getattr(letter, name)) for letter in letters for name in PERSONAL} | {NETWORK}
        values |= {part for email in db.scalars(select(Account.email)) for part in (email, email.partition("@")[0])}
    told = [json.dumps([getattr(event, c.name) for c in AuditEvent.__table__.columns], default=str) for event in events]

    assert len({event.name for event in events}) > 8
    for value in values - {"None", ""}:
        assert not [line for line in told if value.lower() in line.lower()], value
