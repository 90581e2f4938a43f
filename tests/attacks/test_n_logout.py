"""Group N: signing out. The rest stands in tests/oidc/test_logout.py and tests/oidc/test_logout_backchannel.py."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import select

from idp.accounts.tables import Account
from idp.oidc.logout import sender
from idp.oidc.logout.tables import LogoutNotice
from idp.rights import steps as rights
from tests.attacks import attack
from tests.support.acts import ask_reset
from tests.support.person import Person
from tests.support.world import OTHER_STRONG, STRONG, Letter, Portal, World, answer


def present(world: World, **registered: Any) -> tuple[Letter, str, Portal, Person, dict[str, str]]:
    letter, account_id = world.member()
    portal = world.portal(letter, **registered)
    person = world.signed_in(letter)
    person.open(portal.authorize_url())
    return letter, account_id, portal, person, portal.redeem(person.sent_to).json()


@attack("N1")
def test_no_address_that_was_not_registered_is_gone_on_to(world: World) -> None:
    """Whatever stands beside it: a good hint, a hint of another portal, the name of the portal, or nothing."""
    _, _, portal, person, tokens = present(world)
    back = portal.redirect_uri.replace("/retour", "/")
    _, _, other, _, other_tokens = present(world)
    addresses = [
        *("https://evil.example/", "//evil.example", "javascript:alert(1)", "data:text/html,x", "/login", ""),
        *(f"{back}?foo=bar", f"{back}#x", f"{back}../evil", f"{back}%2e%2e/evil", back.replace("https", "http")),
        *(back.upper(), back.rstrip("/"), back.replace(".fr/", ".fr.evil.example/"), f"{back}\\evil", f" {back}"),
    ]
    beside: list[dict[str, str]] = [
        {"id_token_hint": tokens["id_token"]},
        {"id_token_hint": other_tokens["id_token"]},
        {"client_id": portal.client_id},
        {"client_id": other.client_id, "id_token_hint": tokens["id_token"]},
        {},
    ]
    for address in addresses:
        for more in beside:
            query = urlencode({"post_logout_redirect_uri": address, "state": "s", **more})
            response = person.get(f"/oauth/logout?{query}")
            if address:
                assert response.headers["location"].startswith(("/logout?", f"{world.base}/logout?")), (address, more)
    # Not even what was registered, for another portal's hint, or without one.
    for more in ({"id_token_hint": other_tokens["id_token"]}, {}):
        response = person.get(f"/oauth/logout?{urlencode({'post_logout_redirect_uri': back, **more})}")
        assert response.headers["location"].startswith(("/logout?", f"{world.base}/logout?"))


@attack("N5")
@pytest.mark.parametrize(
    "state", ['"><script>alert(1)</script>', "x\r\nSet-Cookie: x=1", "javascript:alert(1)", "\x00é🏠"]
)
def test_a_hostile_state_is_text_on_the_way_on_and_nowhere_else(world: World, state: str) -> None:
    _, _, portal, person, tokens = present(world)
    back = portal.redirect_uri.replace("/retour", "/")
    refused = {"state": state, "post_logout_redirect_uri": "https://evil.example/"}
    page = person.open(f"/oauth/logout?{urlencode(refused)}")
    assert "<script>alert" not in page.html
    assert "x" not in page.response.cookies
    page = person.submit("Me déconnecter")
    assert "<script>alert" not in page.html
    assert person.sent_to == ""

    person = world.person()
    good = {"state": state, "post_logout_redirect_uri": back, "id_token_hint": tokens["id_token"]}
    location = person.get(f"/oauth/logout?{urlencode(good)}").headers["location"]
    assert location.startswith(f"{back}?state=")
    assert answer(location) == {"state": state}


def by_reset(world: World, letter: Letter, _account_id: str) -> None:
    stranger = world.person()
    ask_reset(stranger, letter)
    stranger.open(world.link_for(letter.email))
    stranger.submit(new_password=OTHER_STRONG, confirmation=OTHER_STRONG)


def by_new_password(world: World, letter: Letter, _account_id: str) -> None:
    elsewhere = world.signed_in(letter)
    elsewhere.open("/profile/password")
    elsewhere.submit(current_password=STRONG, new_password=OTHER_STRONG, confirmation=OTHER_STRONG)


def by_operator(world: World, _letter: Letter, account_id: str) -> None:
    with world.transaction() as db:
        rights.disable(db, world.deps, account_id)


def by_erasure(world: World, _letter: Letter, account_id: str) -> None:
    with world.transaction() as db:
        key = db.get(Account, account_id).email_key
        rights.erase(db, world.deps, rights.person_of(db, world.deps, account_id=account_id, email_key=key))


@attack("N6")
@pytest.mark.parametrize("end", [by_reset, by_new_password, by_operator, by_erasure])
def test_what_ends_everything_leaves_no_sign_in_and_no_token_and_portals_are_to_be_told(world: World, end: Any) -> None:
    letter, account_id, portal, person, tokens = present(world, backchannel_logout_uri="https://rp.example/back")
    assert portal.userinfo(tokens["access_token"]).status_code == 200

    end(world, letter, account_id)

    assert person.get("/profile").status_code == 303
    assert portal.userinfo(tokens["access_token"]).status_code == 401
    assert portal.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert portal.post("/oauth/introspect", token=tokens["refresh_token"]).json() == {"active": False}
    told = answer(person.get(portal.authorize_url(prompt="none")).headers["location"])
    assert told["error"] == "login_required"
    with world.server.app.app_context():
        sender.announce(world.deps)
    with world.reading() as db:
        notices = db.scalars(select(LogoutNotice).where(LogoutNotice.client_id == portal.client_id)).all()
    assert len(notices) == 1
