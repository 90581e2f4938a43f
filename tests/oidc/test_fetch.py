"""Requests to addresses of clients: what is connected to, what is believed, and how long and large it may be.

The hosts are real TLS servers on loopback, which a setting allows; names are resolved by a function of the test.
Attack cases 189 (redirects), 190 (DNS rebinding), 191 (slow, huge and endless answers).
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from idp.app import make_deps
from idp.deps import Deps
from idp.oidc import fetch, reach
from idp.oidc.fetch import FetchFailed, Reason
from idp.settings import Settings
from tests.support.outside import Authority, Host, answer


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def host(authority: Authority) -> Iterator[Host]:
    host = Host(authority, "127.0.0.1", "portail.example")
    yield host
    host.stop()


@pytest.fixture(scope="module")
def allowing(authority: Authority) -> Deps:
    """Deps that may connect to 127.0.0.0/8; a busy machine is waited for."""
    return make_deps(
        Settings.model_validate(
            {
                "bcrypt_cost": 4,
                "fetch_allowed_networks": "127.0.0.0/8",
                "fetch_ca_file": str(authority.file),
                "fetch_timeout_seconds": 30,
                "fetch_size_limit_bytes": 10_000,
            }
        )
    )


@pytest.fixture
def hasty(allowing: Deps) -> Deps:
    """Deps that wait a second at most."""
    return replace(allowing, settings=allowing.settings.model_copy(update={"fetch_timeout_seconds": 1}))


@pytest.fixture
def strict(allowing: Deps) -> Deps:
    """Deps as they are by default: no private network is allowed."""
    return replace(allowing, settings=allowing.settings.model_copy(update={"fetch_allowed_networks": ""}))


def reason(deps: Deps, url: str) -> Reason:
    with pytest.raises(FetchFailed) as failed:
        fetch.get(deps, url)
    return failed.value.reason


def test_a_document_is_read_whole(allowing: Deps, host: Host) -> None:
    host.pages["/keys?a=1"] = b"x" * 10_000
    assert fetch.get(allowing, f"{host.url}/keys?a=1#part") == b"x" * 10_000


def test_the_address_is_connected_to_and_the_name_is_asked_for(allowing: Deps, host: Host) -> None:
    host.pages["/"] = b"{}"
    asked: list[tuple[str, int]] = []

    def resolve(name: str, port: int) -> list[str]:
        asked.append((name, port))
        return ["127.0.0.1"]

    assert fetch.get(replace(allowing, resolve=resolve), f"https://portail.example:{host.port}") == b"{}"
    assert asked == [("portail.example", host.port)]
    assert f"Host: portail.example:{host.port}\r\n".encode() in host.asked[0]
    assert b"Accept-Encoding: identity\r\n" in host.asked[0]


def test_a_certificate_for_another_name_is_not_believed(allowing: Deps, host: Host) -> None:
    deps = replace(allowing, resolve=lambda _name, _port: ["127.0.0.1"])
    assert reason(deps, f"https://other.example:{host.port}/") is Reason.CERTIFICATE
    assert host.asked == []


def test_a_certificate_of_an_unknown_authority_is_not_believed(allowing: Deps, host: Host, tmp_path: Path) -> None:
    other = Authority(tmp_path)
    settings = allowing.settings.model_copy(update={"fetch_ca_file": str(other.file)})
    assert reason(replace(allowing, settings=settings), f"{host.url}/") is Reason.CERTIFICATE


def test_proxies_of_the_environment_are_not_used(allowing: Deps, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    host.pages["/"] = b"{}"
    assert fetch.get(allowing, f"{host.url}/") == b"{}"


# --- where ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "ftp://portail.example/",
        "file:///etc/passwd",
        "https://user@portail.example/",
        "https://user:secret@portail.example/",
        "https:///path",
        "https://portail.example:22/",
        "https://portail.example:0/",
        "https://portail.example:70000/",
        "https://portail.example\\@127.0.0.1/",
        "https://portail.example/a b",
        "https://portail.example/\r\nX: y",
        "https://pört.example/",
        "https://[::1",
        "https://[fe80::1%25eth0]/",
        "https://a..b/",
        "https://portail.example/" + "a" * 2000,
        "portail.example",
        "",
    ],
)
def test_what_is_no_plain_https_address_is_not_even_resolved(allowing: Deps, url: str) -> None:
    def resolve(_name: str, _port: int) -> list[str]:
        raise AssertionError("resolved")

    assert reason(replace(allowing, resolve=resolve), url) is Reason.ADDRESS


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.9.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
        *("100.64.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1", "203.0.113.9", "224.0.0.1", "240.0.0.1"),
        *("255.255.255.255", "192.88.99.1"),
        *("::1", "::", "fe80::1", "fc00::1", "fd12::1", "fec0::1", "ff02::1", "2001:db8::1", "4000::1"),
        *("::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "2002:7f00:1::", "2001::1", "64:ff9b::7f00:1"),
        *("64:ff9b:1::1", "not an address", "127.1", "0x7f.1"),
    ],
)
def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    assert not reach.allowed(address, ())


@pytest.mark.parametrize("address", ["9.9.9.9", "193.252.19.3", "2620:fe::fe", "2a01:c910::1"])
def test_public_addresses_are_allowed(address: str) -> None:
    assert reach.allowed(address, ())


def test_a_private_network_is_allowed_when_the_setting_names_it() -> None:
    named = reach.networks("10.8.0.0/16, fd00:1::/32")
    assert reach.allowed("10.8.3.4", named)
    assert reach.allowed("fd00:1::5", named)
    assert not reach.allowed("10.9.0.1", named)
    assert not reach.allowed("::ffff:10.8.3.4", named)


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.0.0.1", "localhost."])
def test_this_machine_is_not_reached_under_any_of_its_names(strict: Deps, host: Host, name: str) -> None:
    assert reason(strict, f"https://{name}:{host.port}/") in (Reason.FORBIDDEN, Reason.NAME)
    assert host.connections == 0


def test_one_private_address_among_public_ones_is_enough_to_refuse(strict: Deps, host: Host) -> None:
    deps = replace(strict, resolve=lambda _name, _port: ["9.9.9.9", "127.0.0.1"])
    assert reason(deps, f"https://portail.example:{host.port}/") is Reason.FORBIDDEN
    assert host.connections == 0


def test_atk_190_a_name_that_changes_its_mind_leads_where_it_was_judged(allowing: Deps, host: Host) -> None:
    """DNS rebinding: the address that is allowed comes first, one that is not for whoever asks again. Nobody does."""
    answers = iter([["127.0.0.1"], ["10.0.0.1"], ["10.0.0.1"]])
    settings = allowing.settings.model_copy(update={"fetch_allowed_networks": "127.0.0.1/32"})
    deps = replace(allowing, settings=settings, resolve=lambda _name, _port: next(answers))
    host.pages["/"] = b"{}"
    assert fetch.get(deps, f"https://portail.example:{host.port}/") == b"{}"
    assert reason(deps, f"https://portail.example:{host.port}/") is Reason.FORBIDDEN
    assert host.connections == 1


def test_a_name_without_an_address_and_a_port_without_a_server(allowing: Deps) -> None:
    def unknown(_name: str, _port: int) -> list[str]:
        raise OSError("no such name")

    assert reason(replace(allowing, resolve=unknown), "https://portail.example/") is Reason.NAME
    assert reason(replace(allowing, resolve=lambda _n, _p: []), "https://portail.example/") is Reason.NAME
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert reason(allowing, f"https://127.0.0.1:{port}/") is Reason.CONNECTION


# --- what ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_atk_189_a_redirect_is_not_followed(allowing: Deps, host: Host, status: int) -> None:
    host.behaviour = lambda tls, _head: tls.sendall(answer(status, b"", f"Location: {host.url}/elsewhere"))
    assert reason(allowing, f"{host.url}/") is Reason.REDIRECT
    assert len(host.asked) == 1


@pytest.mark.parametrize("status", [201, 204, 206, 404, 500])
def test_only_status_200_is_an_answer(allowing: Deps, host: Host, status: int) -> None:
    host.behaviour = lambda tls, _head: tls.sendall(answer(status, b"{}"))
    assert reason(allowing, f"{host.url}/") is Reason.STATUS


def test_what_was_compressed_unasked_is_refused(allowing: Deps, host: Host) -> None:
    host.behaviour = lambda tls, _head: tls.sendall(answer(200, b"\x1f\x8b", "Content-Encoding: gzip"))
    assert reason(allowing, f"{host.url}/") is Reason.ANSWER


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"hello\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n{}",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n{}",
    ],
    ids=["nothing", "no http", "cut off", "bad chunk", "many headers", "long header"],
)
def test_a_malformed_answer_is_a_failure_like_any_other(allowing: Deps, host: Host, raw: bytes) -> None:
    host.behaviour = lambda tls, _head: tls.sendall(raw)
    assert reason(allowing, f"{host.url}/") in (Reason.ANSWER, Reason.CONNECTION)


@pytest.mark.parametrize("head", [b"", b"Transfer-Encoding: chunked\r\n", b"Content-Length: 1000000000\r\n"])
def test_atk_191_a_huge_answer_is_given_up_at_the_limit(allowing: Deps, host: Host, head: bytes) -> None:
    sent = 0

    def flood(tls: ssl.SSLSocket, _head: bytes) -> None:
        nonlocal sent
        tls.sendall(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n")
        block = b"2000\r\n" + b"x" * 8192 + b"\r\n" if b"chunked" in head else b"x" * 8192
        for _ in range(100_000):
            tls.sendall(block)
            sent += len(block)

    host.behaviour = flood
    assert reason(allowing, f"{host.url}/") is Reason.SIZE
    assert sent < 20_000_000


def drip(tls: ssl.SSLSocket, text: bytes) -> None:
    for byte in text:
        tls.sendall(bytes([byte]))
        time.sleep(0.05)


@pytest.mark.parametrize("where", ["head", "body", "silence"])
def test_atk_191_a_slow_answer_is_given_up_at_the_deadline(hasty: Deps, host: Host, where: str) -> None:
    def slow(tls: ssl.SSLSocket, _head: bytes) -> None:
        if where == "head":
            drip(tls, b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50)
        elif where == "body":
            tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n")
            drip(tls, b" " * 500)
        else:
            tls.recv(1)

    host.behaviour = slow
    began = time.monotonic()
    assert reason(hasty, f"{host.url}/") is Reason.TIME
    assert time.monotonic() - began < 10


def test_a_handshake_that_never_ends_is_given_up_at_the_deadline(hasty: Deps) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts in the kernel and says nothing
        began = time.monotonic()
        assert reason(hasty, f"https://127.0.0.1:{silent.getsockname()[1]}/") is Reason.TIME
        assert time.monotonic() - began < 10


def test_a_resolver_that_never_answers_is_given_up_at_the_deadline(hasty: Deps) -> None:
    release = threading.Event()

    def never(_name: str, _port: int) -> list[str]:
        release.wait()
        return []

    assert reason(replace(hasty, resolve=never), "https://portail.example/") is Reason.TIME
    release.set()


def test_a_failure_does_not_tell_the_address(strict: Deps) -> None:
    with pytest.raises(FetchFailed) as failed:
        fetch.get(strict, "https://127.0.0.1/secret-path")
    assert "secret" not in repr(failed.value)
    assert "127.0.0.1" not in repr(failed.value)


# --- posting ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 204, 302, 400, 500])
def test_a_form_is_posted_once_and_the_status_told(allowing: Deps, host: Host, status: int) -> None:
    bodies: list[bytes] = []

    def receive(tls: ssl.SSLSocket, head: bytes) -> None:
        body = head.partition(b"\r\n\r\n")[2]
        while len(body) < 14:
            body += tls.recv(100)
        bodies.append(body)
        tls.sendall(answer(status, b""))

    host.behaviour = receive
    assert fetch.post(allowing, f"{host.url}/logout", {"logout_token": "a&b"}) == status
    assert bodies == [b"logout_token=a%26b"]
    assert host.asked[0].startswith(b"POST /logout HTTP/1.1\r\n")


def test_atk_191_the_answer_to_a_post_is_not_read(allowing: Deps, host: Host) -> None:
    def endless(tls: ssl.SSLSocket, _head: bytes) -> None:
        tls.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(100_000):
            tls.sendall(b"x" * 8192)

    host.behaviour = endless
    began = time.monotonic()
    assert fetch.post(allowing, f"{host.url}/logout", {}) == 200
    assert time.monotonic() - began < 1


def test_atk_191_an_internal_logout_address_is_not_posted_to(strict: Deps, host: Host) -> None:
    with pytest.raises(FetchFailed):
        fetch.post(strict, f"{host.url}/logout", {})
    assert host.connections == 0
