"""Group A: the authorization request. Most of it stands in tests/oidc/test_authorize.py."""

from __future__ import annotations

import time
from urllib.parse import urlencode, urlsplit

import pytest

from tests.attacks import attack
from tests.support.person import Page
from tests.support.world import STRONG, World, answer

REGISTERED = "https://app.portail.example/cb"


@attack("A1", "A2", "A3", "A9", "A10")
@pytest.mark.parametrize(
    "other",
    [
        f"{REGISTERED}/..;/evil",
        f"{REGISTERED}/../evil",
        f"{REGISTERED}/%2e%2e/evil",
        f"{REGISTERED}/.%2e;x=1/",
        "https://app.portail.example.evil.tld/cb",
        "https://app.portail.exampleevil.tld/cb",
        "https://evil-app.portail.example/cb",
        "https://appXportail.example/cb",
        "https://app.portail.example@evil.tld/cb",
        "https://evil.tld\\@app.portail.example/cb",
        f"{REGISTERED}?x=1",
        f"{REGISTERED}?",
        f"{REGISTERED}#frag",
        f"{REGISTERED}%23",
        "https://APP.portail.example/cb",
        "https://app.portail.example/CB",
        "https://app.portail.example/%63b",
        "https://app.portail.example:443/cb",
        f"{REGISTERED}/",
        f"{REGISTERED} ",
        f"{REGISTERED}%20",
        f"{REGISTERED}\x00",
        "http://app.portail.example/cb",
    ],
)
def test_only_the_registered_address_is_answered(world: World, other: str) -> None:
    letter, _ = world.member()
    portal = world.portal(letter, redirect_uris=(REGISTERED,))
    person = world.signed_in(letter)

    response = person.get(portal.authorize_url(redirect_uri=other))

    assert response.status_code == 400
    assert "location" not in response.headers
    assert "code=" not in response.text
    assert person.get(portal.authorize_url()).headers["location"].startswith(f"{REGISTERED}?")


@attack("A16")
@pytest.mark.parametrize("where", ["form", "url"])
def test_the_request_is_what_was_stored_whatever_the_form_says(world: World, where: str) -> None:
    letter, _ = world.member()
    asked, other = world.portal(letter), world.portal(letter)
    person = world.person()
    person.open(asked.authorize_url(scope="openid"))
    form = person.page.form(having="identifier")
    more = {"client_id": other.client_id, "redirect_uri": other.redirect_uri, "scope": "openid email admin"}
    data = {**form.fields, "identifier": letter.email, "password": STRONG}

    action = f"{form.action}&{urlencode(more)}" if where == "url" else form.action
    response = person.http.post(action, data=data | more if where == "form" else data)
    person.open(response.headers["location"])

    assert person.sent_to.startswith(asked.redirect_uri)
    assert asked.redeem(person.sent_to).json()["scope"] == "openid"


@attack("A18")
@pytest.mark.parametrize(
    "scope", ["openid " + "x " * 25_000, "openid  openid", 'openid "x"', "openid \x07", "openid admin root"]
)
def test_scopes_never_grow_and_cost_nothing(world: World, scope: str) -> None:
    letter, _ = world.member()
    portal = world.portal(letter, scope="openid email")
    person = world.signed_in(letter)
    started = time.monotonic()

    response = person.get(portal.authorize_url(scope=scope))

    assert time.monotonic() - started < 3
    assert response.status_code < 500
    if "code" in answer(response.headers.get("location", "")):
        granted = portal.redeem(response.headers["location"]).json()["scope"]
        assert set(granted.split()) <= {"openid", "email"}


HOSTILE = ['"><script>alert(1)</script>', "s" * 384, "s" * 65_000, "x\r\nSet-Cookie: x=1", "é🏠", "\x00"]


@attack("A22")
@pytest.mark.parametrize("name", ["state", "nonce"])
@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_state_or_nonce_comes_back_as_it_was_or_not_at_all(world: World, name: str, value: str) -> None:
    letter, _ = world.member()
    portal = world.portal(letter)
    person = world.signed_in(letter)

    response = person.get(portal.authorize_url(**{name: value}))

    assert response.status_code in (302, 303, 400, 413, 414, 431)
    assert "x" not in response.cookies
    given = answer(response.headers.get("location", ""))
    if "code" in given and name == "state":
        assert given["state"] == value


@attack("A22")
def test_a_state_that_is_no_text_is_refused(world: World) -> None:
    letter, _ = world.member()
    portal = world.portal(letter)

    response = world.signed_in(letter).get(portal.authorize_url(state=None) + "&state=%ED%A0%80")

    assert response.status_code < 500


@attack("A25")
def test_no_redirect_posts_a_password_on(world: World) -> None:
    letter, _ = world.member()
    portal = world.portal(letter)
    person = world.person()
    person.open(portal.authorize_url())

    response = person.send(having="identifier", identifier=letter.email, password=STRONG)

    while response.status_code != 200 and response.headers["location"].startswith(("/", world.base)):
        assert response.status_code in (302, 303)
        response = person.get(response.headers["location"])
    assert response.status_code in (302, 303)
    assert urlsplit(response.headers["location"]).netloc == urlsplit(portal.redirect_uri).netloc


@attack("A26")
def test_looking_at_a_request_by_head_answers_nothing(world: World) -> None:
    letter, _ = world.member()
    portal = world.portal(letter)
    person = world.signed_in(letter)

    response = person.http.head(portal.authorize_url())

    assert response.status_code == 405
    assert response.headers["allow"] == "GET, POST"
    assert "location" not in response.headers


@attack("A21")
@pytest.mark.parametrize("hint", ["eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.", "x", "a.b.c.d.e", "é"])
def test_a_forged_hint_is_told_to_the_portal(world: World, hint: str) -> None:
    letter, _ = world.member()
    portal = world.portal(letter)

    response = world.signed_in(letter).get(portal.authorize_url(id_token_hint=hint))

    assert answer(response.headers["location"])["error"] == "invalid_request"


@attack("A14")
@pytest.mark.parametrize(
    "more", [{"scope": None}, {"response_type": "x"}, {"response_type": None}, {"prompt": "x"}, {"max_age": "-1"}]
)
def test_no_mistake_opens_a_redirect_to_elsewhere(world: World, more: dict[str, str | None]) -> None:
    letter, _ = world.member()
    portal = world.portal(letter)
    page = Page(world.person().get(portal.authorize_url(redirect_uri="https://evil.example/cb", **more)))

    assert page.status == 400
    assert page.ways
    assert "evil.example" not in str(page.response.headers)
