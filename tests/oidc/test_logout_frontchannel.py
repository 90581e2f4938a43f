"""Portals that the browser tells of a logout, in frames (OpenID Connect Front-Channel Logout 1.0)."""

from __future__ import annotations

import html
import re
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests.support.world import HTTP, World, claims


@pytest.fixture
def present(world: World):
    letter, _ = world.member()
    portal, other = (
        world.portal(
            letter,
            redirect_uris=(f"https://{name}.exemple.fr/retour",),
            post_logout_redirect_uris=(f"https://{name}.exemple.fr/",),
            frontchannel_logout_uri=f"https://{name}.exemple.fr/sortie{query}",
            frontchannel_logout_session_required=bool(query),
        )
        for name, query in (("un", "?a=1"), ("deux", ""))
    )
    person = world.signed_in(letter)
    person.open(other.authorize_url(scope="openid"))
    person.open(portal.authorize_url(scope="openid"))
    tokens = portal.redeem(person.sent_to).json()
    return portal, person, tokens, portal.redirect_uri.replace("/retour", "/")


def frames(page) -> list[str]:
    return [html.unescape(found) for found in re.findall(r'<iframe src="([^"]+)"', page.html)]


def sign_out(present, **more: str):
    _, person, tokens, _ = present
    return person.open("/oauth/logout?" + urlencode({"id_token_hint": tokens["id_token"], **more}))


def test_every_portal_of_the_sign_in_is_loaded_with_issuer_and_sid(world: World, present) -> None:
    page = sign_out(present)
    assert page.heading == "Vous êtes déconnecté"
    sid = claims(present[2]["id_token"])["sid"]
    loaded = {urlsplit(address).netloc: parse_qs(urlsplit(address).query) for address in frames(page)}
    assert loaded == {
        "un.exemple.fr": {"a": ["1"], "iss": [world.base], "sid": [sid]},
        "deux.exemple.fr": {"iss": [world.base], "sid": [sid]},
    }


def test_nothing_but_these_portals_may_be_framed_and_nobody_frames_the_page(present) -> None:
    policy = dict(
        part.split(" ", 1) for part in sign_out(present).response.headers["content-security-policy"].split("; ")
    )
    assert set(policy["frame-src"].split()) == {"https://un.exemple.fr", "https://deux.exemple.fr"}
    assert policy["frame-ancestors"] == "'none'"


def test_the_page_goes_on_by_itself_with_and_without_script(present) -> None:
    *_, back = present
    page = sign_out(present, post_logout_redirect_uri=back, state="s&t")
    onward = f"{back}?state=s%26t"
    assert f'content="5;url={onward}"' in html.unescape(page.html)
    assert page.link("Continuer") == onward


def test_the_address_to_go_on_to_is_looked_at_again(world: World, present) -> None:
    _, person, tokens, _ = present
    page = sign_out(present)
    evil = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": "https://evil.example/"}
    again = person.open(f"{page.url}&{urlencode(evil)}")
    assert "evil.example" not in again.html


def test_the_portals_of_a_person_are_shown_to_their_own_browser_and_soon_no_more(world: World, present) -> None:
    page = sign_out(present)
    assert frames(page)
    assert "iframe" not in HTTP.get(page.url).text
    world.clock.advance(minutes=11)
    assert not frames(present[1].open(page.url))


def test_a_sign_in_that_has_not_ended_tells_nobody(world: World, present) -> None:
    _, person, tokens, _ = present
    assert not frames(person.open(f"/logout/portals?sid={claims(tokens['id_token'])['sid']}"))


def test_without_such_portals_the_browser_goes_straight_on(world: World) -> None:
    letter, _ = world.member()
    portal = world.portal(letter)
    person = world.signed_in(letter)
    person.open(portal.authorize_url(scope="openid"))
    hint = portal.redeem(person.sent_to).json()["id_token"]
    back = portal.redirect_uri.replace("/retour", "/")
    person.open("/oauth/logout?" + urlencode({"id_token_hint": hint, "post_logout_redirect_uri": back}))
    assert person.sent_to == back


def test_by_our_own_button_the_portals_are_told_too(present) -> None:
    _, person, _, _ = present
    person.open("/logout")
    assert len(frames(person.submit("Me déconnecter"))) == 2
