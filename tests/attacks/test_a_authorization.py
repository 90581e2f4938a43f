"""Group A: the authorization request. Most of it stands in tests/oidc/test_authorize.py."""

from __future__ import annotations

import base64
import json
import time
from urllib.parse import urlencode, urlsplit

import pytest
from joserfc import jws
from joserfc.jwk import ECKey

from tests.attacks import attack
from tests.support.person import Page
from tests.support.world import HTTP, STRONG, World, answer, claims

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

    sent_to = response.headers["location"]
    assert sent_to.startswith(asked.redirect_uri)
    assert asked.redeem(sent_to).json()["scope"] == "openid"


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


HOSTILE = [
    *('"><script>alert(1)</script>', "s" * 384, "s" * 65_000, "x\r\nSet-Cookie: x=1", "é🏠", "\x00", "\x7f"),
    *("%0d%0aSet-Cookie:x=1", "a&iss=https://evil.example", "a#b?c=d;e", "\u202e\u2028", " "),
]


@attack("A22")
@pytest.mark.parametrize("name", ["state", "nonce"])
def test_a_hostile_state_or_nonce_comes_back_as_it_was_or_not_at_all(world: World, name: str) -> None:
    letter, _ = world.member()
    portal = world.portal(letter)
    person = world.signed_in(letter)
    for value in HOSTILE:
        response = person.get(portal.authorize_url(**{name: value}))

        assert response.status_code in (302, 303, 400, 413, 414, 431)
        assert "x" not in response.cookies
        given = answer(response.headers.get("location", ""))
        assert given.get("iss", world.base) == world.base
        if "code" not in given:
            assert given.get("error", "invalid_request") == "invalid_request"
        elif name == "state":
            assert given["state"] == value
        else:
            assert claims(portal.redeem(response.headers["location"]).json()["id_token"])["nonce"] == value


@attack("A22")
def test_a_value_that_is_no_text_comes_back_to_nobody(world: World) -> None:
    letter, _ = world.member()
    portal = world.portal(letter)
    person = world.signed_in(letter)
    for name in ("state", "nonce", "scope", "login_hint", "ui_locales", "claims", "code_challenge"):
        for value in ("%ED%A0%80", "%FF%FE", "%C0%AF", "%00"):
            response = person.get(f"{portal.authorize_url(**{name: None})}&{name}={value}")

            told = answer(response.headers["location"])
            assert told.get("error", "") in ("", "invalid_request", "invalid_scope")
            assert told.get("state", "the-state") == "the-state"
            assert "error" in told or name in ("login_hint", "ui_locales"), (name, value)


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


ENDPOINTS = {
    "/oauth/authorize": {"GET", "POST"},
    "/oauth/token": {"POST"},
    "/oauth/par": {"POST"},
    "/oauth/userinfo": {"GET", "POST"},
    "/oauth/introspect": {"POST"},
    "/oauth/revoke": {"POST"},
    "/oauth/register": {"POST"},
    "/oauth/jwks": {"GET"},
    "/oauth/logout": {"GET", "POST"},
    "/.well-known/openid-configuration": {"GET"},
    "/.well-known/oauth-authorization-server": {"GET"},
}


@attack("A26")
@pytest.mark.parametrize("path", ENDPOINTS)
def test_an_endpoint_has_its_methods_and_no_others(world: World, path: str) -> None:
    for method in {"GET", "POST", "PUT", "DELETE", "PATCH", "TRACE", "FOO"} - ENDPOINTS[path]:
        response = HTTP.request(method, world.base + path, headers={"X-Secret": "reflected"})

        assert response.status_code == 405, method
        allowed = {name.strip() for name in response.headers["allow"].split(",")}
        assert ENDPOINTS[path] <= allowed
        assert method not in allowed
        assert "reflected" not in response.text


@attack("A26")
def test_looking_at_a_request_by_head_answers_nothing(world: World) -> None:
    letter, _ = world.member()
    portal = world.portal(letter)
    person = world.signed_in(letter)

    response = person.http.head(portal.authorize_url())

    assert response.status_code == 405
    assert response.headers["allow"] == "GET, POST"
    assert "location" not in response.headers


@attack("A12")
@pytest.mark.parametrize(
    "addresses", [("https://rp.example/one",), ("https://rp.example/one", "https://rp.example/two")]
)
def test_the_address_is_never_guessed(world: World, addresses: tuple[str, ...]) -> None:
    letter, _ = world.member()
    portal = world.portal(letter, redirect_uris=addresses)
    for more in ({"redirect_uri": None}, {"redirect_uri": ""}, {"redirect_uri": None, "prompt": "none"}):
        response = world.person().get(portal.authorize_url(**more))

        assert response.status_code == 400
        assert "location" not in response.headers


@attack("A13")
@pytest.mark.parametrize("order", ["good first", "evil first", "one in the query, one posted"])
def test_of_two_values_the_evil_one_never_counts(world: World, order: str) -> None:
    letter, _ = world.member()
    portal = world.portal(letter)
    person = world.signed_in(letter)
    query = urlsplit(portal.authorize_url()).query
    for name in ("redirect_uri", "client_id", "scope", "state", "response_type", "nonce"):
        evil = urlencode({name: "https://evil.example/cb"})
        if order == "one in the query, one posted":
            response = person.http.post(
                f"/oauth/authorize?{evil}", content=query, headers={"Content-Type": "application/x-www-form-urlencoded"}
            )
        else:
            both = f"{query}&{evil}" if order == "good first" else f"{evil}&{query}"
            response = person.get(f"/oauth/authorize?{both}")

        location = response.headers.get("location", "")
        if name in ("redirect_uri", "client_id"):
            assert (response.status_code, location) == (400, ""), name
        else:
            assert location.startswith(portal.redirect_uri)
            assert answer(location)["error"] == "invalid_request"
            assert "evil" not in location
        assert "code" not in answer(location)


TYPES = ("token", "id_token", "id_token token", "code token", "none", "CODE", "code code", "code id_token")
MODES = ("web_message", "query.jwt", "jwt", "form_post.jwt", "bogus", "okta_post_message", "QUERY", "query fragment")


@attack("A17")
def test_a_type_or_mode_that_is_not_registered_or_not_known_gives_an_error(world: World) -> None:
    letter, _ = world.member()
    portal = world.portal(letter)
    person = world.signed_in(letter)
    asked = [{"response_type": one} for one in (*TYPES, "code\ttoken", "code,token", "x" * 5000)]
    for changed in (*asked, *({"response_mode": one} for one in MODES)):
        location = person.get(portal.authorize_url(**changed)).headers["location"]

        told = answer(location)
        assert location.startswith(portal.redirect_uri)
        assert told["error"] in ("unsupported_response_type", "unauthorized_client", "invalid_request"), changed
        assert (told["state"], told["iss"]) == ("the-state", world.base)
        assert not {"code", "access_token", "id_token"} & set(told)


@attack("A19")
def test_a_silent_request_that_is_not_one_shows_no_page(world: World) -> None:
    letter, _ = world.member()
    portal = world.portal(letter)
    for person in (world.person(), world.signed_in(letter)):
        for prompt in ("none login", "none consent", "none none login", "NONE", "none\x00"):
            told = answer(person.get(portal.authorize_url(prompt=prompt)).headers["location"])
            assert (told["error"], told["state"], told["iss"]) == ("invalid_request", "the-state", world.base)


@attack("A21")
def test_a_hint_of_another_issuer_or_portal_is_refused_and_an_expired_one_is_taken(world: World) -> None:
    letter, _ = world.member()
    portal, other = world.portal(letter), world.portal(letter)
    person = world.signed_in(letter)
    person.open(portal.authorize_url())
    hint = portal.redeem(person.sent_to).json()["id_token"]
    head, body, signature = hint.split(".")
    stranger = ECKey.generate_key("P-256")
    foreign = jws.serialize_compact(
        {"alg": "ES256", "typ": "JWT"}, json.dumps({**claims(hint), "iss": "https://evil.example"}), stranger
    )
    unsigned = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    for forged in (
        foreign,
        f"{unsigned}.{body}.",
        f"{unsigned}.{body}.{signature}",
        f"{head}.{body}.",
        f"{head}.{body}",
    ):
        told = answer(person.get(portal.authorize_url(prompt="none", id_token_hint=forged)).headers["location"])
        assert told["error"] == "invalid_request"
    told = answer(person.get(other.authorize_url(prompt="none", id_token_hint=hint)).headers["location"])
    assert told["error"] == "invalid_request"

    world.clock.advance(hours=1)
    assert "code" in answer(person.get(portal.authorize_url(prompt="none", id_token_hint=hint)).headers["location"])


@attack("A21")
@pytest.mark.parametrize("hint", ["eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.", "x", "a.b.c.d.e", "é"])
def test_a_forged_hint_is_told_to_the_portal(world: World, hint: str) -> None:
    letter, _ = world.member()
    portal = world.portal(letter)

    response = world.signed_in(letter).get(portal.authorize_url(id_token_hint=hint))

    assert answer(response.headers["location"])["error"] == "invalid_request"


@attack("A14")
@pytest.mark.parametrize(
    "more",
    [
        *({"scope": None}, {"response_type": "x"}, {"response_type": None}, {"prompt": "x"}, {"max_age": "-1"}),
        *({"client_id": "unknown"}, {"client_id": None}, {"response_mode": "form_post", "scope": "x"}),
        *({"request": "eyJ"}, {"claims": "["}, {"id_token_hint": "x"}, {"prompt": "none"}),
    ],
)
def test_no_mistake_opens_a_redirect_to_elsewhere(world: World, more: dict[str, str | None]) -> None:
    letter, _ = world.member()
    portal = world.portal(letter)
    page = Page(world.person().get(portal.authorize_url(**{"redirect_uri": "https://evil.example/cb", **more})))

    assert page.status == 400
    assert page.ways
    assert "evil.example" not in str(page.response.headers)
