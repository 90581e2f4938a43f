"""Group C: tokens. Most of it stands in tests/oidc/test_token.py."""

from __future__ import annotations

import pytest

from idp.accounts.tables import Account
from tests.attacks import attack
from tests.support.world import HTTP, World, answer


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


@attack("C6")
def test_nothing_works_for_a_closed_account(world: World) -> None:
    letter, account_id = world.member()
    portal = world.portal(letter)
    person = world.signed_in(letter)
    person.open(portal.authorize_url())
    tokens = portal.redeem(person.sent_to).json()
    with world.transaction() as db:
        db.get(Account, account_id).state = "disabled"

    assert portal.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert portal.userinfo(tokens["access_token"]).status_code == 401
    assert portal.post("/oauth/introspect", token=tokens["access_token"]).json() == {"active": False}
    person.open(portal.authorize_url(prompt="none"))
    assert answer(person.sent_to)["error"] == "login_required"


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
