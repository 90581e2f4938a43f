"""What each request of a portal costs in SQL (design section 15): counted, so that it cannot grow unseen."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from idp.oidc.keys import keyring
from idp.oidc.registration import store
from tests.support.world import HTTP, World, answer

OTHERS = text(
    "INSERT INTO refresh_tokens (digest, grant_id, created_at, expires_at) "
    "SELECT :some || n || repeat('x', 50), grant_id, created_at, expires_at FROM refresh_tokens, generate_series(1, 100) n "
    "WHERE digest = (SELECT max(digest) FROM refresh_tokens WHERE length(digest) = 64)"
)


@pytest.fixture(autouse=True)
def caches_that_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second look by a cache whose time was up would be counted on a slow machine."""
    monkeypatch.setattr(store, "CACHE_SECONDS", 3600)
    monkeypatch.setattr(keyring, "RELOAD_SECONDS", 3600)


@pytest.fixture
def busy(world: World):
    agency = world.agency()
    letter, _ = world.member(agency)
    portal = world.portal(agency)
    person = world.signed_in(letter)
    HTTP.get(f"{world.base}/oauth/jwks")  # the keys are read from now on for ten seconds
    person.open(portal.authorize_url())  # the portal is in the cache from now on
    return portal, person


def whole(world: World) -> int:
    """What a guarded statement and one row that follows from it cost: PostgreSQL does both in one (database.Guarded)."""
    return 1 if world.postgresql else 2


def test_authorize_with_a_sign_in_costs_the_grant_which_finds_the_sign_in(world: World, busy) -> None:
    portal, person = busy
    with world.statements() as seen:
        assert "code" in answer(person.get(portal.authorize_url()).headers["location"])
    assert len(seen) == whole(world), seen


def test_authorize_about_the_sign_in_costs_a_look_at_it_and_the_grant(world: World, busy) -> None:
    portal, person = busy
    with world.statements() as seen:
        assert "code" in answer(person.get(portal.authorize_url(max_age="600")).headers["location"])
    assert len(seen) == 1 + whole(world), seen


def test_a_code_exchange_costs_one_and_on_sqlite_the_look_and_the_deed(world: World, busy) -> None:
    portal, person = busy
    with world.statements() as seen:
        assert portal.redeem(person.sent_to).status_code == 200
    assert len(seen) == (1 if world.postgresql else 3), seen


def test_a_refresh_costs_one_and_on_sqlite_the_look_and_the_deed(world: World, busy) -> None:
    portal, person = busy
    token = portal.redeem(person.sent_to).json()["refresh_token"]
    with world.statements() as seen:
        assert portal.refresh(token).status_code == 200
    assert len(seen) == (1 if world.postgresql else 3), seen


def test_a_refresh_for_less_than_was_granted_costs_the_look_and_the_deed(world: World, busy) -> None:
    portal, person = busy
    token = portal.redeem(person.sent_to).json()["refresh_token"]
    with world.statements() as seen:
        assert portal.token(grant_type="refresh_token", refresh_token=token, scope="openid").status_code == 200
    assert len(seen) == 1 + whole(world), seen


def test_what_portals_ask_all_day_opens_no_transaction(world: World, busy) -> None:
    """On PostgreSQL a BEGIN and a COMMIT are a round trip each, as much as the statement between them."""
    portal, person = busy
    with world.statements(("BEGIN",)) as seen:
        got = portal.redeem(person.get(portal.authorize_url()).headers["location"]).json()
        portal.refresh(got["refresh_token"])
        portal.userinfo(got["access_token"])
        portal.post("/oauth/introspect", token=got["access_token"])
    assert len(seen) == (0 if world.postgresql else 3), seen


def test_userinfo_costs_one(world: World, busy) -> None:
    portal, person = busy
    token = portal.redeem(person.sent_to).json()["access_token"]
    with world.statements() as seen:
        assert portal.userinfo(token).status_code == 200
    assert len(seen) == 1, seen


def test_introspection_costs_one(world: World, busy) -> None:
    portal, person = busy
    token = portal.redeem(person.sent_to).json()["access_token"]
    with world.statements() as seen:
        assert portal.post("/oauth/introspect", token=token).json()["active"]
    assert len(seen) == 1, seen


def test_client_credentials_cost_nothing(world: World, busy) -> None:
    portal, _ = busy
    with world.statements() as seen:
        assert portal.token(grant_type="client_credentials").status_code == 200
    assert seen == []


def test_a_page_for_a_stranger_writes_nothing(world: World) -> None:
    agency = world.agency()
    with world.statements() as seen:
        HTTP.get(f"{world.base}/login?{agency.query}")
    assert all(statement.startswith("SELECT") for statement in seen), seen


def test_spending_a_refresh_token_of_a_while_ago_touches_no_index(world: World, busy) -> None:
    """Three of the six that a refresh would write, and as much of the database's log."""
    if not world.postgresql:
        return  # SQLite writes a row where it is
    portal, person = busy
    with world.transaction() as db:
        db.execute(text("TRUNCATE refresh_tokens"))  # rows of other tests leave room where they were
    tokens = []
    for number in range(5):
        person.open(portal.authorize_url())
        tokens.append(portal.redeem(person.sent_to).json()["refresh_token"])
        with world.transaction() as db:  # tokens of other people fill the page
            db.execute(OTHERS, {"some": f"{number}-"})
    before = pages(world)
    for token in tokens:
        assert portal.refresh(token).status_code == 200
    after = pages(world)
    assert {digest: page for digest, page in before.items() if after[digest] != page} == {}


def pages(world: World) -> dict[str, int]:
    """Where the row of each refresh token is: one that moves is written to each index anew."""
    with world.reading() as db:
        rows = db.execute(text("SELECT digest, (ctid::text::point)[0] FROM refresh_tokens")).all()
    return {digest: int(page) for digest, page in rows}
