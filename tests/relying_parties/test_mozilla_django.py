"""`mozilla-django-oidc` in a Django project: its views, its back end, its middleware that looks in again without a word."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

import django
import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django.test.utils import override_settings

from tests.support.world import STRONG, Portal, World

HOST = "portail-django.exemple.fr"
BASE = f"https://{HOST}"


@pytest.fixture(scope="session")
def django_project(tmp_path_factory: pytest.TempPathFactory) -> None:
    database = tmp_path_factory.mktemp("django") / "portal.sqlite"
    # Playwright, which other tests of the process may have started, leaves an event loop in this thread.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    settings.configure(
        SECRET_KEY="a-secret-of-the-portal",
        ALLOWED_HOSTS=[HOST],
        ROOT_URLCONF="tests.relying_parties.django_project",
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(database)}},
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "mozilla_django_oidc",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "mozilla_django_oidc.middleware.SessionRefresh",
        ],
        AUTHENTICATION_BACKENDS=["mozilla_django_oidc.auth.OIDCAuthenticationBackend"],
        LOGIN_REDIRECT_URL="/",
        LOGOUT_REDIRECT_URL="/",
        SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"),
        OIDC_RP_CLIENT_ID="",
        OIDC_RP_CLIENT_SECRET="",
        OIDC_OP_AUTHORIZATION_ENDPOINT="",
        OIDC_OP_TOKEN_ENDPOINT="",
        OIDC_OP_USER_ENDPOINT="",
        OIDC_RP_SIGN_ALGO="RS256",
        OIDC_RP_SCOPES="openid email",
        OIDC_USE_PKCE=True,
        OIDC_STORE_ID_TOKEN=True,
        USE_TZ=True,
    )
    django.setup()
    call_command("migrate", verbosity=0)


@pytest.fixture
def portal(world: World, django_project: None) -> Iterator[Portal]:
    made = world.portal(
        world.agency(),
        redirect_uris=(f"{BASE}/oidc/callback/",),
        post_logout_redirect_uris=(f"{BASE}/",),
        token_endpoint_auth_method="client_secret_post",
    )
    with override_settings(
        OIDC_RP_CLIENT_ID=made.client_id,
        OIDC_RP_CLIENT_SECRET=made.secret,
        OIDC_OP_AUTHORIZATION_ENDPOINT=f"{world.base}/oauth/authorize",
        OIDC_OP_TOKEN_ENDPOINT=f"{world.base}/oauth/token",
        OIDC_OP_USER_ENDPOINT=f"{world.base}/oauth/userinfo",
        OIDC_OP_JWKS_ENDPOINT=f"{world.base}/oauth/jwks",
        OIDC_OP_LOGOUT_ENDPOINT=f"{world.base}/oauth/logout",
        OIDC_OP_LOGOUT_URL_METHOD="tests.relying_parties.django_project.signed_out",
    ):
        yield made


def test_mozilla_django_oidc_signs_in_refreshes_and_signs_out(world: World, portal: Portal) -> None:
    letter, _account_id = world.member()
    browser, person = Client(headers={"host": HOST, "x-forwarded-proto": "https"}), world.person()
    assert letter.email

    person.open(browser.get("/oidc/authenticate/").headers["location"])
    person.submit(identifier=letter.email, password=STRONG)
    browser.get(person.sent_to)
    assert _shown(browser) == letter.email

    kept = browser.session
    kept["oidc_id_token_expiration"] = time.time() - 1
    kept.save()
    silent = browser.get("/").headers["location"]
    assert "prompt=none" in silent
    person.open(silent)
    browser.get(person.sent_to)
    assert _shown(browser) == letter.email, "the middleware looked in again, and nobody was asked"

    person.open(browser.post("/oidc/logout/").headers["location"])
    assert person.sent_to == f"{BASE}/"
    assert _shown(browser) == "personne"
    person.open(browser.get("/oidc/authenticate/").headers["location"])
    assert "password" in person.page.fields, "signing out did not end the sign-in"


def _shown(browser: Any) -> str:
    return browser.get("/").content.decode()  # type: ignore[no-any-return]
