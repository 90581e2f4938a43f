"""Signing out: by the button, or asked for by a portal (OpenID Connect RP-Initiated Logout 1.0)."""

from __future__ import annotations

import base64
from urllib.parse import urlencode

import pytest
from sqlalchemy import update

from idp.oidc.registration import store
from idp.oidc.registration.tables import Client
from tests.attacks import attack
from tests.support.world import HTTP, World, answer


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


@pytest.mark.parametrize(
    "where", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "{back}?foo=bar", "{back}/", "{BACK}"]
)
def test_an_unregistered_return_address_is_never_followed_atk_209(world: World, present, where: str) -> None:
    _, _, person, tokens, back = present
    where = where.format(back=back, BACK=back.upper())
    query = urlencode({"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": where})
    page = person.open(f"/oauth/logout?{query}")
    assert _asks_with_a_reason(page)
    assert _signed_in(person)
    person.page = page
    assert person.submit("Me déconnecter").heading == "Vous êtes déconnecté"
    assert not _signed_in(person)


def _asks_with_a_reason(page) -> bool:
    """The stable marks of the page, which conformance runs look for."""
    return 'id="logout-problem"' in page.html and 'id="logout-confirm"' in page.html


def test_a_return_address_without_hint_and_client_goes_nowhere_atk_209(world: World, present) -> None:
    _, _, person, _, back = present
    assert _asks_with_a_reason(person.open("/oauth/logout?" + urlencode({"post_logout_redirect_uri": back})))
    person.submit("Me déconnecter")
    assert person.sent_to == ""


def test_a_hint_of_one_portal_does_not_open_the_address_of_another_atk_209(world: World, present) -> None:
    _, _, person, tokens, _ = present
    other = world.portal(world.agency())
    query = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": other.redirect_uri.replace("retour", "")}
    assert _asks_with_a_reason(person.open(f"/oauth/logout?{urlencode(query)}"))


@pytest.mark.parametrize(
    "forgery", ["other signature", "none", "rewritten", "not a token", "encrypted", "of another kind"]
)
def test_a_forged_hint_asks_the_person(world: World, present, forgery: str) -> None:
    _, _, person, tokens, back = present
    header, payload, signature = tokens["id_token"].split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    hint = {
        "other signature": f"{header}.{payload}.{signature[:-4]}AAAA",
        "none": f"{none}.{payload}.",
        "rewritten": f"{none}.{payload}.{signature}",
        "not a token": "%00<script>",
        "encrypted": "a.b.c.d.e",
        "of another kind": tokens["access_token"],
    }[forgery]
    page = person.open("/oauth/logout?" + urlencode({"id_token_hint": hint, "post_logout_redirect_uri": back}))
    assert _asks_with_a_reason(page)
    assert "Le site que vous quittez" in page.text


@pytest.mark.parametrize("query", ["", "?state=x"])
def test_without_parameters_the_person_is_asked_and_told(world: World, present, query: str) -> None:
    _, _, person, _, _ = present
    assert 'id="logout-question"' in person.open(f"/oauth/logout{query}").html
    page = person.submit("Me déconnecter")
    assert page.heading == "Vous êtes déconnecté"
    assert 'id="logged-out"' in page.html


def test_after_logout_a_portal_that_asks_silently_learns_that_nobody_is_signed_in(world: World, present) -> None:
    _, portal, person, tokens, back = present
    query = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": back}
    person.open(f"/oauth/logout?{urlencode(query)}")
    person.open(portal.authorize_url(prompt="none"))
    assert answer(person.sent_to)["error"] == "login_required"


def test_a_hint_alone_signs_out_and_stays_here(world: World, present) -> None:
    _, _, person, tokens, _ = present
    page = person.open("/oauth/logout?" + urlencode({"id_token_hint": tokens["id_token"]}))
    assert page.heading == "Vous êtes déconnecté"
    assert not _signed_in(person)


def test_a_hint_of_an_earlier_sign_in_of_the_same_person_signs_out(world: World, present) -> None:
    letter, _, _, tokens, back = present
    again = world.signed_in(letter)
    query = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": back}
    again.open(f"/oauth/logout?{urlencode(query)}")
    assert again.sent_to == back


@pytest.mark.parametrize("state", ['"><script>alert(1)</script>', "a\r\nSet-Cookie: x=1", "é € 😀", "x" * 3000])
def test_state_comes_back_as_it_was_and_nowhere_else_atk_213(world: World, present, state: str) -> None:
    _, _, person, tokens, back = present
    query = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": back, "state": state}
    response = person.get(f"/oauth/logout?{urlencode(query)}")
    assert answer(response.headers["location"]) == {"state": state}
    assert "x" not in response.cookies
    page = person.open(
        "/oauth/logout?" + urlencode({"state": state, "post_logout_redirect_uri": "https://evil.example"})
    )
    assert "<script>alert" not in page.html


def test_the_page_speaks_the_language_that_the_portal_asks_for(world: World, present) -> None:
    _, _, person, _, _ = present
    assert person.open("/oauth/logout?ui_locales=en-GB").heading == "Sign out"


def test_a_hint_about_who_is_meant_changes_nothing_else(world: World, present) -> None:
    letter, _, person, _, _ = present
    assert person.open(f"/oauth/logout?{urlencode({'logout_hint': letter.email})}").heading == "Déconnexion"


@pytest.mark.parametrize("name", ["host", "issuer", "client_session_host", "redirect_uri"])
def test_parameters_that_name_a_host_are_not_listened_to_atk_192(world: World, present, name: str) -> None:
    _, _, person, tokens, _ = present
    query = {"id_token_hint": tokens["id_token"], name: "https://evil.example"}
    response = person.get(f"/oauth/logout?{urlencode(query)}", headers={"X-Forwarded-Host": "evil.example"})
    assert "evil" not in response.headers["location"]


def test_a_disabled_portal_sends_nobody_anywhere(world: World, present) -> None:
    _, portal, person, tokens, back = present
    with world.transaction() as db:
        db.execute(update(Client).where(Client.id == portal.client_id).values(disabled_at=world.clock()))
    store.cache.drop(portal.client_id)
    query = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": back}
    assert _asks_with_a_reason(person.open(f"/oauth/logout?{urlencode(query)}"))


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


def test_a_posted_logout_that_no_address_can_hold_is_too_large_and_no_failure(world: World, present) -> None:
    """nginx answered 503: the head of our answer, with the whole form in an address, was past what a proxy takes."""
    _, _, person, tokens, back = present
    form = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": back, "state": "x" * 12_000}
    response = HTTP.post(f"{world.base}/oauth/logout", data=form)
    assert response.status_code == 413
    assert "GEN-04" in response.text
    assert _signed_in(person)


@attack("N6")
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
