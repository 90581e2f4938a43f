"""What nginx answers by itself: our words and look, in the reader's language, with the reference of its log; JSON for software."""

from __future__ import annotations

import re
import socket
import ssl

import httpx2 as httpx
import pytest

from idp.brand import DEFAULT, Brand
from tests.attacks import attack
from tests.demo.running import wait_until
from tests.support.front import Front
from tests.support.nginx import NAME
from tests.support.person import Page, house_rules
from tests.support.world import HTTP

LONG = "x" * 70_000


def too_large(front: Front, path: str = "/login", **headers: str) -> httpx.Response:
    return HTTP.post(front.base + path, content=LONG, headers=headers)


@attack("M10")
@pytest.mark.parametrize(
    ("ask", "status", "number"),
    [
        (lambda base: HTTP.post(f"{base}/login", content=LONG), 413, "GEN-04"),
        (lambda base: HTTP.get(f"{base}/login", headers={"X-Long": "x" * 20_000}), 431, "GEN-05"),
        (lambda base: HTTP.get(f"{base}/login?x={'x' * 20_000}"), 414, "GEN-05"),
        (lambda base: HTTP.get(f"{base}/static/..%2f..%2f..%2fx"), 400, "GEN-05"),
    ],
    ids=["body", "head", "address", "path"],
)
def test_people_are_told_in_french_with_a_number_a_reference_and_a_way_on(
    front: Front, ask: object, status: int, number: str
) -> None:
    response = ask(front.base)  # type: ignore[operator]
    page = Page(response)
    house_rules(page)
    assert (page.status, 'lang="fr"' in page.html) == (status, True)
    assert number in page.text
    assert page.ways
    reference = response.headers["x-request-id"]
    assert reference in page.text
    # nginx reads on for a while after such an answer, and writes its line when the connection has ended.
    assert wait_until(lambda: reference in {line["request"] for line in front.nginx.logged()}, 20)
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["strict-transport-security"]


@attack("M10")
@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /login HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        (b"POST /login HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
        (b"GET /login HTTP/3.7\r\nHost: localhost\r\n\r\n", 505),
    ],
    ids=["no name of a host", "an unknown encoding", "an unknown version"],
)
def test_what_is_no_request_gets_the_same_page(front: Front, request_: bytes, status: int) -> None:
    context = ssl.create_default_context(cafile=front.nginx.authority.file)
    with (
        socket.create_connection(("127.0.0.1", front.nginx.port), timeout=30) as line,
        context.wrap_socket(line, server_hostname=NAME) as tls,
    ):
        tls.sendall(request_)
        told = b"".join(iter(lambda: tls.recv(4096), b"")).decode()
    assert told.startswith(f"HTTP/1.1 {status} ")
    assert "GEN-05" in told
    assert "nginx/" not in told


@pytest.mark.parametrize(("wanted", "language"), [("en-GB,en;q=0.9", "en"), ("de, en", "fr"), ("", "fr")])
def test_the_language_is_the_first_that_the_browser_wants_or_french(front: Front, wanted: str, language: str) -> None:
    assert f'<html lang="{language}">' in too_large(front, **{"Accept-Language": wanted}).text


@attack("M14")
@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/par", "/oauth/userinfo", "/oauth/revoke", "/oauth/register"])
def test_software_is_told_in_json_as_the_provider_tells_it(front: Front, path: str) -> None:
    response = too_large(front, path, Accept="text/html")
    assert (response.status_code, response.json()["error"]) == (413, "invalid_request")
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"


@attack("A26")
@pytest.mark.parametrize(("path", "content"), [("/login", "text/html"), ("/oauth/token", "application/json")])
def test_a_method_that_nginx_refuses_is_refused_in_the_providers_words(front: Front, path: str, content: str) -> None:
    """TRACE, which would show a script the cookies that it may not read."""
    response = HTTP.request("TRACE", front.base + path, headers={"X-Secret": "marker"})
    assert response.status_code == 405
    assert response.headers["content-type"].startswith(content)
    assert "POST" in response.headers["allow"]
    assert "marker" not in response.text


@pytest.mark.parametrize("path", ["/pages/too-large.fr.html", "/pages/", "/pages/../nginx.conf", "/pages"])
def test_these_pages_have_no_address_of_their_own(front: Front, path: str) -> None:
    response = HTTP.get(front.base + path)
    assert response.status_code == 404
    assert "GEN-02" in response.text, "the provider's page"


def test_they_need_no_other_file_and_no_script_and_have_our_colours(front: Front) -> None:
    page = too_large(front).text
    brand = Brand.of(DEFAULT)
    assert brand.light in page
    assert brand.dark in page
    assert not re.search(r"<script|<link|<img|url\(|@import|<!--#", page)


def test_nothing_of_nginx_s_own_is_ever_seen(front: Front) -> None:
    """No page of its own, in English and without a way on: each status that it can answer by itself has one of ours."""
    health = HTTP.get(f"{front.base}/health/ready")
    assert health.status_code == 404
    for response in (health, too_large(front)):
        assert "<center>" not in response.text
        assert Page(response).ways
