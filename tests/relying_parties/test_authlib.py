"""Authlib's Flask client: discovery, PKCE, nonce, ID token; then refreshing, revoking and signing out."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from authlib.integrations.flask_client import OAuth
from flask import Flask, redirect, session, url_for
from werkzeug.wrappers import Response

from tests.support.world import STRONG, Portal, World

BASE = "https://portail-authlib.exemple.fr"


class Application:
    """The portal of Authlib's documentation. provider: its client, to be called where a request is served."""

    def __init__(self, portal: Portal, issuer: str) -> None:
        self.app = Flask("authlib-portal")
        self.app.config |= {
            "SECRET_KEY": "a-secret-of-the-portal",
            "SERVER_NAME": None,
            "PREFERRED_URL_SCHEME": "https",
        }
        oauth = OAuth(self.app)
        oauth.register(
            "provider",
            client_id=portal.client_id,
            client_secret=portal.secret,
            server_metadata_url=f"{issuer}/.well-known/openid-configuration",
            client_kwargs={"scope": "openid profile email offline_access", "code_challenge_method": "S256"},
        )
        self.provider: Any = oauth.provider
        self.app.add_url_rule("/connexion", "login", self._login)
        self.app.add_url_rule("/retour", "callback", self._callback)

    def _login(self) -> Response:
        return self.provider.authorize_redirect(url_for("callback", _external=True))  # type: ignore[no-any-return]

    def _callback(self) -> Response:
        token = self.provider.authorize_access_token()
        session["refresh_token"], session["id_token"] = token["refresh_token"], token["id_token"]
        session["sub"], session["email"] = token["userinfo"]["sub"], self.provider.userinfo(token=token)["email"]
        return redirect("/")


@pytest.fixture
def portal(world: World) -> Portal:
    agency = world.agency()
    return world.portal(agency, redirect_uris=(f"{BASE}/retour",), post_logout_redirect_uris=(f"{BASE}/deconnecte",))


def test_authlib_signs_in_refreshes_and_signs_out(world: World, portal: Portal) -> None:
    letter, account_id = world.member()
    application = Application(portal, world.base)
    browser, person = application.app.test_client(), world.person()

    person.open(browser.get("/connexion", base_url=BASE).location)
    assert letter.email
    person.submit(identifier=letter.email, password=STRONG)
    browser.get(person.sent_to, base_url=BASE)
    with browser.session_transaction(base_url=BASE) as kept:
        assert (kept["sub"], kept["email"]) == (account_id, letter.email)

    with application.app.app_context():
        refreshed = application.provider.fetch_access_token(
            grant_type="refresh_token", refresh_token=kept["refresh_token"]
        )
        assert application.provider.userinfo(token=refreshed)["sub"] == account_id
        endpoint = application.provider.load_server_metadata()["end_session_endpoint"]

    request = {"id_token_hint": kept["id_token"], "post_logout_redirect_uri": f"{BASE}/deconnecte", "state": "fin"}
    person.open(f"{endpoint}?{urlencode(request)}")
    assert person.sent_to == f"{BASE}/deconnecte?state=fin"
    person.open(browser.get("/connexion", base_url=BASE).location)
    assert "password" in person.page.fields, "signing out did not end the sign-in"
