"""Group C: tokens. Most of it stands in tests/oidc/test_token.py."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from idp.accounts.tables import Account
from idp.database import db as flask_db
from idp.oidc.keys.keyring import Keyring
from idp.oidc.logout import sender
from idp.oidc.registration import clients
from idp.rights import steps as rights
from tests.attacks import attack, inside
from tests.faults.catalogue import fault
from tests.support.world import HTTP, World, answer


@fault("X30")
@attack("C3")
def test_a_rotated_token_stays_dead_when_the_provider_starts_again(world: World) -> None:
    letter, _ = world.member()
    portal = world.portal(letter)
    person = world.signed_in(letter)
    person.open(portal.authorize_url())
    first = portal.redeem(person.sent_to).json()["refresh_token"]
    second = portal.refresh(first).json()["refresh_token"]
    portal.refresh(second)
    world.clock.advance(minutes=1)

    world.server.restart()

    assert portal.refresh(first).json()["error"] == "invalid_grant"


@attack("C4")
def test_a_portal_without_a_secret_cannot_use_the_refresh_token_of_one_with(world: World) -> None:
    letter, _ = world.member()
    portal = world.portal(letter)
    public = world.portal(
        letter, token_endpoint_auth_method="none", grant_types=("authorization_code", "refresh_token")
    )
    person = world.signed_in(letter)
    person.open(portal.authorize_url())
    token = portal.redeem(person.sent_to).json()["refresh_token"]

    assert public.refresh(token).json()["error"] == "invalid_grant"
    for named in (portal.client_id, public.client_id):
        form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": named}
        stolen = HTTP.post(f"{world.base}/oauth/token", data=form)
        assert stolen.json()["error"] in ("invalid_client", "invalid_grant")
    assert portal.refresh(token).status_code == 200


def closed(world: World, account_id: str, how: str) -> None:
    """An account that an operator closes, or whose person asked to be forgotten."""
    with world.transaction() as db:
        if how == "disabled":
            rights.disable(db, world.deps, account_id)
        elif how == "erased":
            key = db.get(Account, account_id).email_key
            rights.erase(db, world.deps, rights.person_of(db, world.deps, account_id=account_id, email_key=key))
        else:
            db.get(Account, account_id).state = "disabled"


@attack("C6")
@pytest.mark.parametrize("how", ["disabled", "erased", "disabled in the database"])
def test_nothing_works_for_a_closed_account(world: World, how: str) -> None:
    letter, account_id = world.member()
    portal = world.portal(letter)
    person = world.signed_in(letter)
    person.open(portal.authorize_url())
    tokens = portal.redeem(person.sent_to).json()
    closed(world, account_id, how)

    assert portal.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert portal.userinfo(tokens["access_token"]).status_code == 401
    assert portal.post("/oauth/introspect", token=tokens["access_token"]).json() == {"active": False}
    person.open(portal.authorize_url(prompt="none"))
    assert answer(person.sent_to)["error"] == "login_required"


@contextmanager
def writing_fails(world: World) -> Iterator[None]:
    """The database takes no write meanwhile, as when its disk is full."""

    def refuse(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.lstrip().upper().startswith("SELECT"):
            raise OperationalError(statement, {}, Exception("disk full"))

    with world.server.app.app_context():
        engine = flask_db.engine
    event.listen(engine, "before_cursor_execute", refuse)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", refuse)


@attack("C11")
@inside("lets statements fail")
def test_a_revocation_that_the_database_refused_is_not_told_as_done(world: World) -> None:
    """Who is answered 200 forgets the token, and whoever stole it keeps it."""
    letter, _ = world.member()
    portal = world.portal(letter)
    person = world.signed_in(letter)
    person.open(portal.authorize_url())
    tokens = portal.redeem(person.sent_to).json()

    with writing_fails(world):
        refused = portal.post("/oauth/revoke", token=tokens["refresh_token"])

    assert (refused.status_code, refused.json()["error"]) == (503, "temporarily_unavailable")
    assert int(refused.headers["retry-after"]) > 0
    assert "disk" not in refused.text
    assert portal.userinfo(tokens["access_token"]).status_code == 200
    assert portal.post("/oauth/revoke", token=tokens["refresh_token"]).status_code == 200
    assert portal.userinfo(tokens["access_token"]).status_code == 401


@attack("C12")
def test_no_other_token_of_ours_is_an_access_token(world: World) -> None:
    letter, account_id = world.member()
    portal = world.portal(letter)
    person = world.signed_in(letter)
    person.open(portal.authorize_url())
    tokens = portal.redeem(person.sent_to).json()
    with world.server.app.app_context():
        client = clients.find(world.deps, portal.client_id)
        assert client is not None
        logout = sender.logout_token(world.deps, Keyring(world.deps), client, sub=account_id, sid="x")
    for token in (tokens["id_token"], tokens["refresh_token"], logout):
        refused = portal.userinfo(token)
        assert refused.status_code == 401
        assert 'error="invalid_token"' in refused.headers["www-authenticate"]
    for token in (tokens["id_token"], logout):
        assert portal.post("/oauth/introspect", token=token).json() == {"active": False}


@attack("C15")
def test_an_access_token_past_its_time_is_worth_nothing_anywhere(world: World) -> None:
    letter, _ = world.member()
    for kind in ("jwt", "opaque"):
        portal = world.portal(letter, access_token_format=kind)
        person = world.signed_in(letter)
        person.open(portal.authorize_url())
        token = portal.redeem(person.sent_to).json()["access_token"]
        assert portal.post("/oauth/introspect", token=token).json()["active"] is True
        world.clock.advance(minutes=11)

        assert portal.userinfo(token).status_code == 401
        assert portal.post("/oauth/introspect", token=token).json() == {"active": False}


@attack("C11")
def test_revoking_touches_ones_own_only_and_unknown_tokens_are_fine(world: World) -> None:
    letter, _ = world.member()
    portal, other = world.portal(letter), world.portal(letter)
    person = world.signed_in(letter)
    person.open(portal.authorize_url())
    tokens = portal.redeem(person.sent_to).json()

    for token in (tokens["refresh_token"], tokens["access_token"]):
        assert other.post("/oauth/revoke", token=token).status_code in (200, 400)
    assert portal.post("/oauth/revoke", token="unknown").status_code == 200
    assert portal.userinfo(tokens["access_token"]).status_code == 200

    for _ in range(2):
        assert portal.post("/oauth/revoke", token=tokens["refresh_token"]).status_code == 200
    assert portal.userinfo(tokens["access_token"]).status_code == 401


@attack("C14")
@pytest.mark.parametrize("scheme", ["BearerX {}", "Bearer {},extra", "Bearer %20{}", "Basic {}", "{}", "Bearer"])
def test_a_loose_authorization_header_is_no_token(world: World, scheme: str) -> None:
    letter, _ = world.member()
    portal = world.portal(letter)
    person = world.signed_in(letter)
    person.open(portal.authorize_url())
    token = portal.redeem(person.sent_to).json()["access_token"]

    response = HTTP.get(f"{world.base}/oauth/userinfo", headers={"Authorization": scheme.format(token)})

    assert response.status_code in (400, 401)
    assert "www-authenticate" in response.headers
    assert HTTP.get(f"{world.base}/oauth/userinfo", headers={"Authorization": f"bearer {token}"}).status_code == 200


@attack("C14")
def test_a_token_given_twice_is_ambiguous(world: World) -> None:
    letter, _ = world.member()
    portal = world.portal(letter)
    person = world.signed_in(letter)
    person.open(portal.authorize_url())
    token = portal.redeem(person.sent_to).json()["access_token"]
    url = f"{world.base}/oauth/userinfo"

    twice = HTTP.get(url, headers=[("Authorization", f"Bearer {token}"), ("Authorization", f"Bearer {token}")])
    beside = HTTP.post(url, data={"access_token": token}, headers={"Authorization": f"Bearer {token}"})
    basic = HTTP.post(url, data={"access_token": token}, auth=(portal.client_id, portal.secret or ""))

    for response in (twice, beside, basic):
        assert response.status_code in (400, 401)
        # nginx refuses a header that may come once by itself, and knows no scheme.
        assert response.headers.get("www-authenticate", "Bearer" if response is twice else "").startswith("Bearer")
    assert HTTP.get(url, headers={"Authorization": f"BEARER  {token}"}).status_code in (200, 400)
