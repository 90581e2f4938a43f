"""Scripts of other origins may call what single-page portals need, without cookies, and nothing else."""

from __future__ import annotations

import httpx2 as httpx
import pytest

from tests.support.world import HTTP, World

ORIGIN = {"Origin": "https://spa.exemple.fr"}


def _preflight(world: World, path: str) -> httpx.Response:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    return HTTP.request("OPTIONS", world.base + path, headers=ORIGIN | asked)


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/userinfo", "/oauth/revoke"])
def test_preflight_allows_any_origin_to_authenticate(world: World, path: str) -> None:
    answer = _preflight(world, path)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "Authorization" in answer.headers["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/userinfo", "/oauth/revoke"])
def test_errors_can_be_read_too(world: World, path: str) -> None:
    answer = HTTP.post(world.base + path, headers=ORIGIN, data={"grant_type": "password"})
    assert answer.status_code in (400, 401)
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-expose-headers"] == "WWW-Authenticate"


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/oauth/jwks"])
def test_public_documents_can_be_read(world: World, path: str) -> None:
    assert HTTP.get(world.base + path, headers=ORIGIN).headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    "path", ["/oauth/authorize", "/oauth/introspect", "/oauth/logout", "/login", "/profile", "/logout"]
)
def test_pages_and_servers_endpoints_stay_closed(world: World, path: str) -> None:
    for answer in (_preflight(world, path), HTTP.get(world.base + path, headers=ORIGIN)):
        assert not [name for name in answer.headers if name.startswith("access-control-")]
