"""What is deleted when: every table is purged or said to be bounded, in batches that read a bounded number of rows."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, insert, select

import idp.tables
from idp import purge
from idp.database import db as flask_db
from idp.grants.tables import Grant
from idp.mail.tables import OutboxMail
from idp.oidc.consent.tables import Consent
from idp.oidc.keys.keyring import Keyring
from idp.oidc.logout import sender
from idp.oidc.registration.tables import Client, ClientSecret, InitialAccessToken
from idp.sessions.tables import BrowserSession
from idp.tenancy.tables import Agency, AgencyLogo
from tests.support.world import World

assert idp.tables


def run(world: World) -> dict[str, int]:
    with world.server.app.app_context():
        return dict(purge.run(world.deps))


def count(world: World, table: Any, *wanted: Any) -> int:
    with world.reading() as db:
        return int(db.scalars(select(func.count()).select_from(table).where(*wanted)).one())


def test_every_table_is_purged_or_said_to_be_bounded(world: World) -> None:
    purged = {rule.key.class_.__tablename__ for rule in purge.rules(world.deps)} | {"audit_events", "audit_links"}

    assert purged.isdisjoint(purge.KEPT)
    assert purged | set(purge.KEPT) == set(flask_db.metadata.tables)
    assert all(purge.KEPT.values())


def test_what_expired_rows_are_found_by_has_an_index(world: World) -> None:
    for rule in purge.rules(world.deps):
        if rule.oldest is not None:
            indexes = [list(index.columns) for index in rule.key.class_.__table__.indexes]
            assert any(columns[0].name == rule.oldest.key for columns in indexes), rule.name


def test_a_purge_of_many_rows_deletes_them_all_a_batch_at_a_time(world: World) -> None:
    """Fewer than a batch are old in each stride: the walk went on only while a batch was full, and stopped at the first."""
    run(world)
    now, old = world.clock(), world.clock() - timedelta(days=40)
    rows = [a_mail(world, n, old if n % 20 == 0 else now) for n in range(purge._STRIDE * 2 + 10)]
    with world.transaction() as db:
        db.execute(insert(OutboxMail), rows)

    with world.statements() as seen:
        assert run(world)["mails"] == len(rows[::20])

    mails = [statement for statement in seen if "outbox_mails" in statement]
    assert 3 <= sum(statement.startswith("DELETE") for statement in mails) <= 4
    with world.transaction() as db:
        db.execute(OutboxMail.__table__.delete().where(OutboxMail.kind == "purged"))


def a_mail(world: World, number: int, created_at: datetime) -> dict[str, Any]:
    """In any order of ids, as those of several hosts are."""
    return {
        "id": f"{number * 7919 % 1_000_003:032d}",
        "kind": "purged",
        "recipient": "a@exemple.org",
        "sender_name": "",
        "subject": "",
        "state": "sent",
        "attempts": 1,
        "next_attempt_at": created_at,
        "created_at": created_at,
    }


def test_a_sign_in_that_ended_is_kept_until_portals_were_told(world: World) -> None:
    letter, account_id = world.member()
    world.signed_in(letter).open("/profile")
    mine = BrowserSession.account_id == account_id
    assert count(world, BrowserSession, mine)
    with world.transaction() as db:
        db.execute(BrowserSession.__table__.update().where(mine).values(ended_at=world.clock()))
    world.clock.advance(days=3)
    run(world)
    assert count(world, BrowserSession, mine), "nobody was told yet"

    with world.server.app.app_context():
        while sender.work(world.deps, Keyring(world.deps)):
            pass
    run(world)

    assert not count(world, BrowserSession, mine)


def test_a_sign_in_that_lives_is_never_purged(world: World) -> None:
    letter, _ = world.member()
    person = world.signed_in(letter)
    world.clock.advance(hours=11)
    run(world)

    assert person.open("/profile").path == "/profile"


def test_a_refresh_token_that_lives_is_never_purged_whatever_the_hour(world: World) -> None:
    """The purge runs while the token is used (X38)."""
    letter, _ = world.member()
    portal = world.portal(letter)
    person = world.signed_in(letter)
    person.open(portal.authorize_url())
    tokens = portal.redeem(person.sent_to).json()
    for _ in range(6):
        world.clock.advance(days=14)
        run(world)
        answered = portal.refresh(tokens["refresh_token"])
        assert answered.status_code == 200, answered.text
        tokens = answered.json()

    world.clock.advance(days=14)
    run(world)
    assert not count(world, Grant, Grant.client_id == portal.client_id), "ninety days have passed"


@pytest.mark.parametrize(
    ("changes", "gone"),
    [
        ({}, True),
        ({"registration_token_digest": None}, False),
        ({"registered": {"first_party": True}}, False),
    ],
    ids=["registered by itself", "by an operator", "made ours by an operator"],
)
def test_software_that_registered_itself_and_that_nobody_uses_is_forgotten(
    world: World, changes: dict[str, Any], gone: bool
) -> None:
    client_id = a_client(world, **changes)
    run(world)
    assert count(world, Client, Client.id == client_id) == 1

    world.clock.advance(days=31)
    run(world)

    assert count(world, Client, Client.id == client_id) == (0 if gone else 1)


def test_software_that_somebody_allows_something_is_kept(world: World) -> None:
    _, account_id = world.member()
    client_id = a_client(world)
    with world.transaction() as db:
        db.add(Consent(account_id=account_id, client_id=client_id, scope="openid", claims=[], given_at=world.clock()))
    world.clock.advance(days=400)
    run(world)

    assert count(world, Client, Client.id == client_id) == 1


def a_client(world: World, **changes: Any) -> str:
    client_id = f"app-{world.deps.new_token(128)}"
    row = {
        "id": client_id,
        "name": "App",
        "default_portal": False,
        "registered": {"first_party": False},
        "registration_token_digest": world.deps.new_token(256),
        "created_at": world.clock(),
        **changes,
    }
    with world.transaction() as db:
        db.add(Client(**row))
    return client_id


def test_secrets_and_tokens_of_software_go_a_month_after_their_end(world: World) -> None:
    portal, now = world.portal(None), world.clock()
    with world.transaction() as db:
        ends = {"a": now - timedelta(days=31), "b": now - timedelta(days=29), "c": None}
        for id_, end in ends.items():
            row = {"id": f"{id_}{portal.client_id[-8:]}", "client_id": portal.client_id, "digest": "d"}
            db.add(ClientSecret(**row, created_at=now - timedelta(days=60), expires_at=end))
        token = {"name": "t", "uses_left": 1, "created_at": now}
        for id_, expires, revoked in (("x", -31, None), ("y", 9, -31), ("z", 9, None)):
            mark = f"{id_}{portal.client_id[-8:]}"
            revoked_at = None if revoked is None else now + timedelta(days=revoked)
            row = {"id": mark, "digest": mark, "expires_at": now + timedelta(days=expires), "revoked_at": revoked_at}
            db.add(InitialAccessToken(**row, **token))
    run(world)

    mark = portal.client_id[-8:]
    with world.reading() as db:
        secrets = db.scalars(select(ClientSecret.id).where(ClientSecret.id.endswith(mark))).all()
        tokens = db.scalars(select(InitialAccessToken.id).where(InitialAccessToken.id.endswith(mark))).all()
    assert sorted(id_[0] for id_ in secrets) == ["b", "c"]
    assert [id_[0] for id_ in tokens] == ["z"]


def test_a_logo_that_no_agency_has_any_more_is_forgotten(world: World) -> None:
    agency = world.agency(logo="l" * 64)
    with world.transaction() as db:
        for digest in ("l" * 64, "m" * 64):
            if db.get(AgencyLogo, digest) is None:
                db.add(AgencyLogo(digest=digest, media_type="image/png", content=b""))
    run(world)

    assert count(world, AgencyLogo, AgencyLogo.digest == "l" * 64) == 1
    assert count(world, AgencyLogo, AgencyLogo.digest == "m" * 64) == 0
    with world.transaction() as db:
        db.execute(Agency.__table__.update().where(Agency.id == agency.id).values(logo=None))
