"""What each request of a portal costs in Python: function calls counted, so that speed cannot rot unseen.

Calls are the same on a busy machine as on a quiet one, which time is not. A bound is what was counted plus a tenth: who
adds work to every request meets it here, and either takes the work away or says in the commit why it is owed.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from werkzeug.test import run_wsgi_app

from idp.oidc.keys import keyring
from idp.oidc.registration import store
from tests.support.inside import environ_of
from tests.support.world import STRONG, Portal, World, answer

# (SQLite, PostgreSQL): the second has its driver in Python.
BOUNDS = {
    "client credentials": (225, 225),
    "authorize": (500, 325),
    "code": (590, 380),
    "refresh": (555, 345),
    "userinfo": (195, 205),
    "introspection": (205, 215),
}


@pytest.fixture(autouse=True)
def caches_that_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second look by a cache whose time was up would be counted on a slow machine."""
    monkeypatch.setattr(store, "CACHE_SECONDS", 3600)
    monkeypatch.setattr(keyring, "RELOAD_SECONDS", 3600)


class Counted:
    """Requests to the application itself, without a server between; `calls` of Python functions that the last one took."""

    def __init__(self, world: World, portal: Portal, cookie: str) -> None:
        self.world, self.portal, self.cookie = world, portal, cookie
        self.calls = 0

    def ask(self, path: str, *, bearer: str = "", **form: str) -> Any:
        environ = environ_of(self.portal, path, cookie=self.cookie, bearer=bearer, **form)
        self.calls = 0

        def count(_frame: Any, event: str, _arg: Any) -> None:
            self.calls += event == "call"

        sys.setprofile(count)
        try:
            body, status, headers = run_wsgi_app(self.world.server.app.wsgi_app, environ)
        finally:
            sys.setprofile(None)
        assert status[0] in "23", b"".join(body)
        return headers, b"".join(body)


@pytest.fixture
def asked(world: World) -> Counted:
    letter, _ = world.member(password=STRONG)
    person = world.signed_in(letter)
    cookie = "; ".join(f"{name}={value}" for name, value in person.http.cookies.items())
    return Counted(world, world.portal(letter), cookie)


def test_no_request_of_a_portal_calls_more_functions_than_it_did(world: World, asked: Counted) -> None:
    counted: dict[str, list[int]] = {name: [] for name in BOUNDS}
    portal = asked.portal

    def take(name: str, path: str, **form: str) -> Any:
        headers, body = asked.ask(path, **form)
        counted[name].append(asked.calls)
        return headers["Location"] if "Location" in headers else json.loads(body)

    for _ in range(8):  # statements are compiled, and prepared in the server, in the first ones
        take("client credentials", "/oauth/token", grant_type="client_credentials")
        location = take("authorize", portal.authorize_url().removeprefix(portal.base))
        tokens = take(
            "code",
            "/oauth/token",
            grant_type="authorization_code",
            code=answer(location)["code"],
            redirect_uri=portal.redirect_uri,
            code_verifier=portal.verifier,
        )
        tokens = take("refresh", "/oauth/token", grant_type="refresh_token", refresh_token=tokens["refresh_token"])
        take("userinfo", "/oauth/userinfo", bearer=tokens["access_token"])
        take("introspection", "/oauth/introspect", token=tokens["access_token"])

    took = {name: min(each) for name, each in counted.items()}
    bounds = {name: bound[world.postgresql] for name, bound in BOUNDS.items()}
    assert {name: calls for name, calls in took.items() if calls > bounds[name]} == {}
