"""config/nginx, as the real nginx runs it in front of the started service."""

from __future__ import annotations

import json
import re
import socket
import ssl
import subprocess
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from tests.attacks import attack
from tests.demo.running import wait_until
from tests.deployment import raw
from tests.support.front import Front
from tests.support.nginx import NAME, Nginx
from tests.support.world import HTTP, World

DISCOVERY = "/.well-known/openid-configuration"


def handshake(
    front: Front, *, name: str = NAME, lowest: ssl.TLSVersion, highest: ssl.TLSVersion, protocol: str
) -> tuple[str | None, Any, str | None]:
    context = ssl.create_default_context(cafile=front.nginx.authority.file)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version, context.maximum_version = lowest, highest
    context.set_alpn_protocols([protocol])
    with (
        socket.create_connection(("127.0.0.1", front.nginx.port), timeout=30) as line,
        context.wrap_socket(line, server_hostname=name) as tls,
    ):
        return tls.version(), tls.cipher(), tls.selected_alpn_protocol()


def test_nginx_has_nothing_to_say_about_its_configuration(front: Front) -> None:
    warnings = [line for line in front.nginx.checked.stderr.splitlines() if "[warn]" in line or "[emerg]" in line]
    # The `http2` of `listen` is deprecated from 1.25 on, and the only spelling that Debian 12 knows.
    assert [line for line in warnings if '"listen ... http2" directive is deprecated' not in line] == []


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_two_versions_of_tls_and_http_2_are_spoken(front: Front, version: ssl.TLSVersion) -> None:
    spoken, cipher, protocol = handshake(front, lowest=version, highest=version, protocol="h2")
    assert (spoken, protocol) == (version.name.replace("v1_", "v1."), "h2")
    assert re.search("GCM|CHACHA20", cipher[0])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_older_versions_are_refused(front: Front, version: ssl.TLSVersion) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        handshake(front, lowest=version, highest=version, protocol="http/1.1")


def test_a_name_that_is_not_ours_gets_no_certificate_and_no_page(front: Front) -> None:
    latest = ssl.TLSVersion.TLSv1_3
    with pytest.raises((ssl.SSLError, ConnectionError)):
        handshake(front, name="evil.example", lowest=latest, highest=latest, protocol="http/1.1")
    request = b"GET /login HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
    assert raw.answers(front.nginx.port, request) == [421]


def test_without_tls_one_is_sent_on_with_the_same_method_and_others_hear_nothing(front: Front) -> None:
    plain = f"http://127.0.0.1:{front.nginx.plain_port}"
    answer = HTTP.post(f"{plain}/login?client=a", headers={"Host": NAME})
    assert (answer.status_code, answer.headers["location"]) == (308, f"{front.base}/login?client=a")
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        HTTP.get(f"{plain}/login", headers={"Host": "evil.example"})


def test_public_documents_are_answered_by_nginx_alone(front: Front) -> None:
    """Ten requests, one of the provider; whatever stands in the query; a known ETag is answered by 304."""
    logged = len(front.nginx.logged())
    first = HTTP.get(f"{front.base}{DISCOVERY}")
    for number in range(9):
        again = HTTP.get(f"{front.base}{DISCOVERY}?x={number}")
        assert (again.content, again.headers["etag"]) == (first.content, first.headers["etag"])
        assert again.headers["cache-control"] == "public, max-age=300"
        assert again.headers["access-control-allow-origin"] == "*"
        assert again.headers["strict-transport-security"]
        assert again.headers["x-content-type-options"] == "nosniff"
    known = HTTP.get(f"{front.base}{DISCOVERY}", headers={"If-None-Match": first.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")
    states = [line["cache"] for line in front.nginx.logged(front.base)[logged:] if line["path"] == DISCOVERY]
    assert len(states) == 11
    assert states.count("HIT") >= 9, "ten seconds may end meanwhile, once"


def test_what_nginx_keeps_of_the_keys_is_at_most_ten_seconds_old() -> None:
    """A leaked key must be gone from the published set as fast as from the workers."""
    text = (Path(__file__).parents[2] / "config" / "nginx" / "idp.conf").read_text(encoding="utf-8")
    assert re.findall(r"proxy_cache_valid (.+);", text) == ["200 10s"]
    assert not re.search(r"use_stale.*updating", text)


def test_public_documents_are_answered_while_the_provider_is_away(front: Front, tmp_path: Path) -> None:
    alone = Nginx(tmp_path, front.served.port)
    try:
        kept = HTTP.get(f"{alone.base}{DISCOVERY}", headers={"Host": NAME})
        assert kept.status_code == 200
        configuration = tmp_path / "idp.conf"
        away = configuration.read_text().replace(f"127.0.0.1:{front.served.port}", "127.0.0.1:9")
        configuration.write_text(away.replace("valid 200 10s", "valid 200 1s"))
        assert subprocess.run([*alone.command, "-s", "reload"], check=False, capture_output=True).returncode == 0
        assert wait_until(lambda: HTTP.get(f"{alone.base}/login").status_code == 503)

        assert HTTP.get(f"{alone.base}{DISCOVERY}").content == kept.content
        page = HTTP.get(f"{alone.base}/login")
        software = HTTP.post(f"{alone.base}/oauth/token", data={})
    finally:
        alone.stop()
    assert (software.status_code, software.json()["error"]) == (503, "temporarily_unavailable")
    assert software.headers["retry-after"] == "30"
    assert 'lang="fr"' in page.text
    assert page.headers["retry-after"] == "30"
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert page.headers["strict-transport-security"]
    assert "127.0.0.1" not in page.text
    assert "GEN-10" in page.text


def test_files_are_kept_as_long_as_they_say_and_packed_for_who_wants(front: Front) -> None:
    page = HTTP.get(f"{front.base}/help").text
    address = re.search(r'href="(/static/site\.css\?v=\w+)"', page)
    assert address
    for _ in range(2):
        answer = HTTP.get(f"{front.base}{address[1]}")
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["content-encoding"] == "gzip"
    assert HTTP.get(f"{front.base}{address[1]}", headers={"Accept-Encoding": "identity"}).text == answer.text


@attack("P5")
def test_a_cache_in_front_keeps_nothing_of_anybody(deployed: World) -> None:
    """Two people, one after the other, on pages and on names that look like files (web cache deception)."""
    first, second = deployed.member()[0], deployed.member()[0]
    one, other = deployed.signed_in(first), deployed.signed_in(second)
    for path in ("/profile", "/profile/x.css", "/profile%2Fx.css", "/static/../profile", "/static/%2e%2e/profile"):
        for person, mine, theirs in ((one, first, second), (other, second, first)):
            answer = person.get(path)
            assert theirs.email not in answer.text
            assert answer.status_code != 200 or (mine.email or "") in answer.text
            assert answer.status_code == 200 or (mine.email or "") not in answer.text
            assert "no-store" in answer.headers.get("cache-control", "no-store")


@attack("P2")
@pytest.mark.parametrize(
    "header",
    ["X_Forwarded_For", "Remote_User", "X-Ssl-Client-Verify", "Remote-User", "X-SSL-Client-Cert", "X-Forwarded-Host"],
)
def test_headers_that_say_who_one_is_or_from_where_do_not_pass(deployed: World, front: Front, header: str) -> None:
    letter, account_id = deployed.member()
    for value in (letter.email or "", account_id, "SUCCESS", "203.0.113.9"):
        response = deployed.person(headers={header: value}).get("/profile")
        assert response.status_code == 303
        assert value not in response.headers["location"]


@attack("P1")
def test_throttling_counts_the_address_that_connected_whatever_is_claimed(deployed: World, front: Front) -> None:
    """Four hundred claimed networks are one network to the provider, which asks of us who connected."""
    for number in range(3):
        raw.answers(
            front.nginx.port,
            f"GET /health/live HTTP/1.1\r\nHost: {NAME}\r\nX-Forwarded-For: 198.51.100.{number}\r\nForwarded: for=198.51.100.7\r\n"
            "Connection: close\r\n\r\n".encode(),
        )
    assert {line["address"] for line in front.nginx.logged(front.base)} <= {"127.0.0.1", "127.0.0.9"}


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
HEAD = b"POST /oauth/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"


@attack("P3")
@pytest.mark.parametrize(
    "request_",
    [
        HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n8\r\nSMUGGLED\r\n0\r\n\r\n" + SMUGGLED,
        HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + SMUGGLED,
        HEAD + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        HEAD + b"Content-Length: 0\r\nContent-Length: 44\r\n\r\n" + SMUGGLED,
        HEAD + b"Content-Length: +0\r\n\r\n" + SMUGGLED,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n" + SMUGGLED,
        HEAD + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        b"POST /oauth/token HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nContent-Length: 0\r\n\r\n" + SMUGGLED,
        b"GET /login HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n" + SMUGGLED,
    ],
    ids=[
        "cl-te",
        "te-cl",
        "xchunked",
        "two-te",
        "vertical-tab",
        "two-cl",
        "plus",
        "minus-one",
        "space",
        "hosts",
        "nul",
    ],
)
def test_a_request_hidden_in_another_is_never_answered_as_its_own(
    deployed: World, front: Front, request_: bytes
) -> None:
    """The request is refused and the connection closed: what follows it is not read as a request of its own."""
    assert raw.answers(front.nginx.port, request_) in ([400], [501])  # 501: a Transfer-Encoding that nobody knows
    assert "/smuggled" not in {line["path"] for line in front.nginx.logged(front.base)}


@attack("P3")
@pytest.mark.parametrize("extension", [b";x=y", b';x="\r', b" "])
def test_pieces_with_extensions_reach_the_provider_as_one_body_of_one_length(front: Front, extension: bytes) -> None:
    body = b"grant_type=client_credentials"
    chunks = b"%x%s\r\n%s\r\n0\r\n\r\n" % (len(body), extension, body)
    statuses = raw.answers(front.nginx.port, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks)
    assert statuses in ([400], [401])


def test_bodies_heads_and_addresses_have_limits(front: Front) -> None:
    assert HTTP.post(f"{front.base}/login", content=b"x" * 70_000).status_code == 413
    assert HTTP.get(f"{front.base}/login", headers={"X-Long": "x" * 20_000}).status_code in (400, 431, 494)
    assert HTTP.get(f"{front.base}/oauth/authorize?x={'x' * 20_000}").status_code == 414


def test_no_log_of_nginx_holds_a_secret_of_an_address(deployed: World, front: Front) -> None:
    """Paths of mailed links, queries, cookies and referrers; also when what is behind does not answer."""
    person = deployed.person()
    person.get("/upgrade/confirm/marker-of-a-link", headers={"Referer": f"{front.base}/reset/confirm/marker-referrer"})
    person.get("/oauth/authorize?login_hint=marker-of-a-query", headers={"Cookie": "__Host-session=marker-cookie"})
    person.get("/reset/confirm/marker-of-a-link?x=marker-of-a-query")
    person.get("/reset/%63onfirm/marker-of-a-link")
    raw.answers(front.nginx.port, b"GET /reset/confirm/marker-of-a-link HTTP/1.1\r\nHost: localhost\r\nBad\r\n\r\n")
    assert {"/upgrade/confirm/…", "/reset/confirm/…"} <= {line["path"] for line in front.nginx.logged(front.base)}
    assert "marker" not in front.nginx.log_text()


def test_every_line_of_the_log_is_json_and_ends_where_it_ends(front: Front) -> None:
    """Whatever bytes stand in an address: no reader of logs stumbles, and nobody adds a line (ASVS 16.4.1)."""
    since = front.lengths()
    for path in ("/%ff%fe", "/%E2%80%A8x", "/%0a%7b%22path%22:%22/forged%22%7d", "/%22,%22status%22:%22200", "/%1b[2J"):
        HTTP.get(front.base + path)
    lines = [json.loads(line) for line in front.written(since)]
    assert {"/forged"}.isdisjoint(line.get("path") for line in lines)
    assert [line["path"] for line in lines if line.get("status") == "404"].count("(other signs)") == 4


def test_the_health_of_the_provider_is_nobodys_business(front: Front) -> None:
    assert HTTP.get(f"{front.base}/health/ready").status_code == 404
    assert HTTP.get(f"http://127.0.0.1:{front.served.port}/health/ready").status_code == 200


def test_pages_keep_their_headers_and_nginx_adds_none_of_its_own(deployed: World, front: Front) -> None:
    direct = HTTP.get(f"http://127.0.0.1:{front.served.port}/login", headers={"Host": NAME}).headers
    through = HTTP.get(f"{front.base}/login").headers
    ours = {name for name in direct if name not in ("date", "server", "connection", "set-cookie", "content-length")}
    assert ours <= set(through)
    assert through["server"] == "nginx", "no version"
    assert through["strict-transport-security"] == direct["strict-transport-security"]
