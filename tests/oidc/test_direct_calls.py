"""What software calls is answered in front of Flask; Flask has the same endpoints, and gives the same answers."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, parse_qsl, quote, urlsplit

import pytest
from werkzeug.test import EnvironBuilder, run_wsgi_app

from idp import correlation
from tests.support.world import HTTP, Portal, World

_OWN = {"access_token", "id_token", "expires_in", "exp", "iat", "nbf"}  # made anew by each answer


@pytest.fixture
def portal(world: World) -> Portal:
    return world.portal(world.letter())


@pytest.fixture
def access_token(world: World) -> str:
    letter, _ = world.member()
    portal = world.portal(letter)
    person = world.signed_in(letter)
    person.open(portal.authorize_url())
    return str(portal.redeem(person.sent_to).json()["access_token"])


def both_ways(world: World, path: str, method: str, **options: Any) -> list[tuple[str, dict[str, str], Any]]:
    """(status, headers, body) of the service's answer, and of Flask's alone."""
    app, told = world.server.app, []
    for application in (app.wsgi_app, type(app).wsgi_app.__get__(app)):
        environ = EnvironBuilder(path, base_url=world.base, method=method, **options).get_environ()
        body, status, headers = run_wsgi_app(application, environ)
        content = b"".join(body)
        told.append((status, {name.lower(): value for name, value in headers.items()}, _kept(content)))
    return told


def _kept(content: bytes) -> Any:
    try:
        found = json.loads(content)
    except ValueError:
        return content
    return {name: value for name, value in found.items() if name not in _OWN} if isinstance(found, dict) else found


def basic(portal: Portal) -> dict[str, str]:
    secret = base64.b64encode(f"{portal.client_id}:{portal.secret}".encode()).decode()
    return {"Authorization": f"Basic {secret}"}


FORMS: Mapping[str, Mapping[str, Any]] = {
    "a token that nobody knows": {"path": "/oauth/introspect", "data": {"token": "nobody's"}},
    "a revocation of it": {"path": "/oauth/revoke", "data": {"token": "nobody's"}},
    "a code that nobody has": {"path": "/oauth/token", "data": {"grant_type": "authorization_code", "code": "x"}},
    "a grant that is not ours": {"path": "/oauth/token", "data": {"grant_type": "password"}},
    "nothing": {"path": "/oauth/token", "data": {}},
    "no form": {"path": "/oauth/token", "data": b"{}", "content_type": "application/json"},
    "what is no text": {
        "path": "/oauth/token",
        "data": b"grant_type=\xff%ff",
        "content_type": "application/x-www-form-urlencoded",
    },
    "more than is read": {
        "path": "/oauth/token",
        "data": b"a=" + b"x" * 70_000,
        "content_type": "application/x-www-form-urlencoded",
    },
    "a pushed request without a client's redirect": {"path": "/oauth/par", "data": {"response_type": "code"}},
    "userinfo in a form": {"path": "/oauth/userinfo", "data": {"access_token": "nobody's"}},
}


@pytest.mark.parametrize("form", FORMS.values(), ids=list(FORMS))
def test_flask_would_have_answered_the_same(world: World, portal: Portal, form: Mapping[str, Any]) -> None:
    options = {**form}
    with_client = {} if form["path"] == "/oauth/userinfo" else basic(portal)

    direct, through_flask = both_ways(world, options.pop("path"), "POST", headers=with_client, **options)

    assert direct[0][:3] == through_flask[0][:3]
    assert direct[2] == through_flask[2]
    for name in through_flask[1].keys() - {"content-length"}:
        assert direct[1][name] == through_flask[1][name]


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
def test_a_person_is_told_alike_whichever_way(world: World, access_token: str, method: str) -> None:
    direct, through_flask = both_ways(
        world, "/oauth/userinfo", method, headers={"Authorization": f"Bearer {access_token}"}
    )

    assert direct[0] == through_flask[0] == "200 OK"
    assert direct[2] == through_flask[2]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("DELETE", "/oauth/token", 405),
        ("GET", "/oauth/introspect", 405),
        ("POST", "/oauth/token/", 404),
        ("POST", "/oauth/Token", 404),
        ("POST", "/oauth", 404),
    ],
)
def test_what_is_almost_one_of_these_calls_is_answered_as_any_page_is(
    world: World, method: str, path: str, status: int
) -> None:
    answer = HTTP.request(method, f"{world.base}{path}")

    assert answer.status_code == status
    assert ("allow" in answer.headers) == (status == 405)


@pytest.mark.parametrize("given", ["proxy-0123456789", ""])
def test_a_call_has_the_id_that_the_proxy_gave_it_or_one_of_its_own(world: World, given: str) -> None:
    headers = {"X-Request-Id": given} if given else {}
    environ = EnvironBuilder("/oauth/token", base_url=world.base, method="POST", headers=headers).get_environ()

    run_wsgi_app(world.server.app.wsgi_app, environ)

    assert correlation.current() == given or (not given and len(correlation.current()) == 12)


ASKED: Mapping[str, Mapping[str, str]] = {
    "what is answered": {},
    "a state in Greek": {"state": "αβγ"},
    "an answer in the fragment": {"response_mode": "fragment"},
    "an answer that is posted": {"response_mode": "form_post"},
    "a sign-in anew": {"prompt": "login"},
    "no page, and a sign-in anew": {"prompt": "none", "max_age": "0"},
    "a portal that nobody registered": {"client_id": "nobody"},
    "another address": {"redirect_uri": "https://elsewhere.example/"},
    "a scope of nothing": {"scope": ""},
    "a pushed request that nobody made": {"request_uri": "urn:ietf:params:oauth:request_uri:none"},
}


@pytest.mark.parametrize("asked", ASKED.values(), ids=list(ASKED))
@pytest.mark.parametrize("cookies", ["all", "no sign-in", "none"])
def test_a_browser_is_led_to_the_same_place_whichever_way(world: World, asked: Mapping[str, str], cookies: str) -> None:
    letter, _ = world.member()
    portal, person = world.portal(letter), world.signed_in(letter)
    kept = {name: value for name, value in person.http.cookies.items() if cookies == "all" or "session" not in name}
    sent = "; ".join(f"{name}={value}" for name, value in kept.items()) if cookies != "none" else ""

    direct, through_flask = both_ways(
        world, portal.authorize_url(**asked).removeprefix(world.base), "GET", headers={"Cookie": sent}
    )

    assert direct[0][:3] == through_flask[0][:3]
    assert direct[1].keys() - _OF_EVERY_ANSWER == through_flask[1].keys() - _OF_EVERY_ANSWER
    assert _place(direct) == _place(through_flask)


_OF_EVERY_ANSWER = {  # set around both
    "x-frame-options",
    "cache-control",
    "referrer-policy",
    "permissions-policy",
    "cross-origin-opener-policy",
    "x-content-type-options",
    "content-security-policy",
    "strict-transport-security",
}


def _place(told: tuple[str, dict[str, str], Any]) -> tuple[str, dict[str, list[str]]]:
    """Where an answer leads, without what is made anew each time."""
    parts = urlsplit(told[1].get("location", ""))
    query = parse_qs(parts.query or parts.fragment)
    return parts._replace(query="", fragment="").geturl(), {
        name: value for name, value in query.items() if name not in ("code", "authorization")
    }


def test_a_pushed_request_whose_answer_needs_a_page_is_read_once(world: World) -> None:
    letter, _ = world.member()
    portal, person = world.portal(letter), world.signed_in(letter)
    asked = dict(parse_qsl(urlsplit(portal.authorize_url(response_mode="form_post")).query))
    pushed = portal.post("/oauth/par", **asked).json()["request_uri"]

    page = person.get(f"/oauth/authorize?client_id={portal.client_id}&request_uri={quote(pushed)}")

    assert page.status_code == 200
    assert f'action="{portal.redirect_uri}"' in page.text
