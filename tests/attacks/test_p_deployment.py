"""Group P: proxies, caches, and how the service is started. What needs nginx is in tests/faults and tests/operations."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import request

from idp.app import create_app
from idp.settings import load
from tests.attacks import attack
from tests.support.world import World

CLAIMS = {
    "X-Forwarded-For": ", ".join(f"198.51.100.{n}" for n in range(50)) + ", 203.0.113.7",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "4443",
    "X-Forwarded-Prefix": "/evil",
    "Forwarded": "for=198.51.100.1;host=evil.example;proto=https",
}


@attack("P1")
@pytest.mark.parametrize(("proxies", "peer"), [(0, "127.0.0.1"), (1, "203.0.113.7")])
def test_a_proxy_is_believed_its_own_word_and_only_about_the_network(tmp_path: Path, proxies: int, peer: str) -> None:
    database = f"sqlite:///{tmp_path / 'x.db'}"
    app = create_app(load({"IDP_DATABASE_URL": database, "IDP_TRUSTED_PROXIES": str(proxies)}))

    @app.get("/seen")
    def seen() -> dict[str, str | None]:
        return {"peer": request.remote_addr, "url": request.url}

    answer = app.test_client().get("/seen", headers=CLAIMS).get_json()

    assert answer == {"peer": peer, "url": "http://localhost/seen"}


@attack("P2")
@pytest.mark.parametrize(
    "header",
    ["Remote-User", "X-Remote-User", "X-Forwarded-User", "X-Ssl-Client-Verify", "X-SSL-Client-Cert", "X-Email"],
)
def test_a_header_says_of_nobody_who_they_are(world: World, header: str) -> None:
    letter, account_id = world.member()
    for value in (letter.email or "", account_id, "admin", "SUCCESS"):
        assert world.person(headers={header: value}).open("/profile").path.startswith("/login")


@attack("P5")
@pytest.mark.parametrize("path", ["/profile", "/profile/password", "/profile/applications", "/login", "/logout"])
def test_a_page_of_somebody_is_kept_by_no_cache_under_any_name(world: World, path: str) -> None:
    letter, _ = world.member()
    person = world.signed_in(letter)
    response = person.get(path)

    assert response.headers["cache-control"] == "no-store"
    for suffix in ("/x.css", ".css", ";x.css", "%2Fx.js", "/..%2f..%2fstatic%2fsite.css"):
        imitated = person.get(path + suffix)
        assert imitated.status_code in (404, 400), "nginx follows no path that leaves its root"
        assert letter.email not in imitated.text


@attack("P7")
def test_debugging_cannot_be_turned_on_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FLASK_DEBUG", "1")
    app = create_app(load({"IDP_DATABASE_URL": f"sqlite:///{tmp_path / 'x.db'}"}))

    assert not app.debug
