"""A portal, a provider that may lie to it, and a browser without pages."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from clients.portal import PortalSettings, create_portal

from .hostile_provider import HostileProvider

BASE = "http://127.0.0.1:8003"


def settings_for(issuer: str, /, **other: str) -> PortalSettings:
    """Settings of the test agency; `other` says what is odd."""
    given = {
        "issuer": issuer,
        "client_id": "portail-adb-tls01",
        "client_secret": "secret",
        "base_url": BASE,
        "client": "ADB",
        "societe": "TLS01",
        "agency_name": "Agence du Capitole",
        "secret_key": "0123456789abcdef0123456789abcdef",
        "support_phone": "05 61 00 00 01",
    }
    return PortalSettings(**(given | other))


@pytest.fixture(scope="session")
def served() -> Iterator[HostileProvider]:
    provider = HostileProvider()
    server = provider.start()
    yield provider
    server.shutdown()
    server.server_close()


@pytest.fixture
def provider(served: HostileProvider) -> HostileProvider:
    served.wrong.clear()
    served.asked.clear()
    return served


class Browser:
    """A person's browser at the portal: follows the provider's redirects by itself."""

    def __init__(self, portal: FlaskClient) -> None:
        self.portal = portal

    def start(self, path: str = "/connexion") -> str:
        """Press the button; returns where the portal sends the browser."""
        answer = self.portal.get(path, base_url=BASE)
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]

    def answer_to(self, authorization_url: str) -> str:
        """What the provider answers: an address of the portal."""
        answer = requests.get(authorization_url, allow_redirects=False, timeout=5)
        return answer.headers["Location"]

    def open(self, address: str) -> TestResponse:
        return self.portal.get(address.removeprefix(BASE), base_url=BASE)

    def sign_in(self) -> TestResponse:
        return self.open(self.answer_to(self.start()))

    def sign_out(self) -> TestResponse:
        page = self.open("/profil").text
        token = page.split('name="form_token" value="')[1].split('"')[0]
        return self.portal.post("/deconnexion", data={"form_token": token}, base_url=BASE)


@pytest.fixture
def new_browser(provider: HostileProvider):
    """Makes browsers of one portal: `new_browser()`."""
    portal = create_portal(settings_for(provider.issuer))
    return lambda: Browser(portal.test_client())


@pytest.fixture
def browser(new_browser) -> Browser:
    return new_browser()


def parameters(address: str) -> dict[str, str]:
    """The query of an address; fails when a parameter is given twice."""
    found = parse_qs(urlsplit(address).query, keep_blank_values=True)
    assert all(len(values) == 1 for values in found.values()), found
    return {name: values[0] for name, values in found.items()}
