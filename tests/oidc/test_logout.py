"""Signing out: by the button, or asked for by a portal (OpenID Connect RP-Initiated Logout 1.0)."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from tests.support.world import HTTP, World


@pytest.fixture
def present(world: World):
    agency = world.agency()
    letter, _ = world.member(agency)
    portal = world.portal(agency)
    person = world.signed_in(letter)
    person.open(portal.authorize_url(scope="openid"))
    tokens = portal.redeem(person.sent_to).json()
    back = portal.redirect_uri.replace("/retour", "/")
    return letter, portal, person, tokens, back


def _signed_in(person) -> bool:
    return person.open("/profile").heading == "Profil"


def test_a_portal_with_a_genuine_hint_signs_out_and_gets_the_person_back(world: World, present) -> None:
    _, _, person, tokens, back = present
    query = urlencode({"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": back, "state": "s t"})
    person.open(f"/oauth/logout?{query}")
    assert person.sent_to == f"{back}?state=s+t"
    assert not _signed_in(person)


def test_an_expired_hint_still_signs_out(world: World, present) -> None:
    _, _, person, tokens, back = present
    world.clock.advance(hours=2)
    query = urlencode({"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": back})
    person.open(f"/oauth/logout?{query}")
    assert person.sent_to == back
    assert not _signed_in(person)


def test_without_a_hint_the_person_is_asked(world: World, present) -> None:
    _, portal, person, _, back = present
    page = person.open("/oauth/logout?" + urlencode({"client_id": portal.client_id, "post_logout_redirect_uri": back}))
    assert page.heading == "Déconnexion"
    assert _signed_in(person)
    person.page = page
    person.submit("Me déconnecter")
    assert person.sent_to == back
    assert not _signed_in(person)


@pytest.mark.parametrize("where", ["https://evil.example/", "//evil.example", "javascript:alert(1)", ""])
def test_an_unregistered_return_address_is_never_followed(world: World, present, where: str) -> None:
    _, _, person, tokens, _ = present
    query = urlencode({"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": where})
    page = person.open(f"/oauth/logout?{query}")
    assert page.path == "/logout"
    assert not _signed_in(person)


def test_a_forged_hint_asks_the_person(world: World, present) -> None:
    _, _, person, tokens, back = present
    query = urlencode({"id_token_hint": tokens["id_token"][:-4] + "AAAA", "post_logout_redirect_uri": back})
    assert person.open(f"/oauth/logout?{query}").heading == "Déconnexion"


def test_a_hint_of_somebody_else_asks_the_person(world: World, present) -> None:
    _, _, _, tokens, back = present
    letter, _ = world.member()
    other = world.signed_in(letter)
    query = urlencode({"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": back})
    assert other.open(f"/oauth/logout?{query}").heading == "Déconnexion"
    assert _signed_in(other)


def test_a_hint_that_contradicts_the_client_id_goes_nowhere(world: World, present) -> None:
    _, portal, person, tokens, back = present
    other = world.portal(world.agency())
    query = urlencode(
        {"id_token_hint": tokens["id_token"], "client_id": other.client_id, "post_logout_redirect_uri": back}
    )
    page = person.open(f"/oauth/logout?{query}")
    assert page.heading == "Déconnexion"
    assert portal.client_id != other.client_id


def test_a_posted_logout_becomes_a_get(world: World, present) -> None:
    _, _, person, tokens, back = present
    response = HTTP.post(
        f"{world.base}/oauth/logout", data={"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": back}
    )
    assert response.status_code == 303
    person.open(response.headers["location"])
    assert person.sent_to == back


def test_signing_out_ends_what_the_sign_in_gave(world: World, present) -> None:
    _, portal, person, tokens, _ = present
    assert portal.userinfo(tokens["access_token"]).status_code == 200
    person.open("/profile")
    person.submit("Déconnexion")
    assert portal.userinfo(tokens["access_token"]).status_code == 401


def test_access_that_was_asked_to_outlive_the_sign_in_does(world: World, present) -> None:
    _, portal, person, _, _ = present
    person.open(portal.authorize_url(scope="openid offline_access"))
    token = portal.redeem(person.sent_to).json()["refresh_token"]
    person.open("/profile")
    person.submit("Déconnexion")
    assert portal.refresh(token).status_code == 200


def test_logout_by_get_without_proof_changes_nothing(world: World, present) -> None:
    _, _, person, _, _ = present
    person.open("/logout")
    person.open("/oauth/logout")
    assert _signed_in(person)
