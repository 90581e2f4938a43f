"""Group B: codes and their proof. The rest stands in tests/oidc/test_token.py and tests/oidc/test_authorize.py."""

from __future__ import annotations

import gzip
import socket
from urllib.parse import urlsplit

import pytest

from tests.attacks import attack
from tests.support.logs import logged
from tests.support.world import HTTP, STRONG, Portal, World, answer

FORM = "application/x-www-form-urlencoded"


@attack("B5")
def test_a_code_is_redeemed_at_its_own_address_and_not_at_another_registered_one(world: World) -> None:
    letter, _ = world.member()
    portal = world.portal(letter, redirect_uris=("https://rp.example/one", "https://rp.example/two"))
    person = world.signed_in(letter)
    person.open(portal.authorize_url())

    for other in ("https://rp.example/two", "https://rp.example/one/", "https://rp.example/one?", None):
        response = portal.redeem(person.sent_to, redirect_uri=other)
        assert (response.status_code, response.json()["error"]) == (400, "invalid_grant"), other
    assert portal.redeem(person.sent_to).status_code == 200


@attack("B7")
def test_a_public_portal_cannot_ask_without_a_proof(world: World) -> None:
    letter, _ = world.member()
    portal = world.portal(letter, token_endpoint_auth_method="none", grant_types=("authorization_code",))

    response = world.signed_in(letter).get(portal.authorize_url(code_challenge=None, code_challenge_method=None))

    assert answer(response.headers["location"])["error"] == "invalid_request"


@attack("B8")
def test_no_other_method_than_s256_proves_anything(world: World) -> None:
    letter, _ = world.member()
    portal = world.portal(letter, require_pkce=False)
    person = world.signed_in(letter)
    for method in ("plain", "PLAIN", "s256", "S512", "none", "S256 plain", None):
        told = answer(person.get(portal.authorize_url(code_challenge_method=method)).headers["location"])

        assert (told["error"], told["state"], told["iss"]) == ("invalid_request", "the-state", world.base), method
        assert "code" not in told


@attack("B8")
def test_a_method_given_twice_is_refused(world: World) -> None:
    letter, _ = world.member()
    portal = world.portal(letter)

    response = world.signed_in(letter).get(f"{portal.authorize_url()}&code_challenge_method=plain")

    assert answer(response.headers["location"])["error"] == "invalid_request"


@attack("B9")
def test_a_malformed_challenge_is_told_at_the_portal(world: World) -> None:
    letter, _ = world.member()
    portal = world.portal(letter, require_pkce=False)
    person = world.signed_in(letter)
    for challenge in ("x", "x" * 42, "x" * 44, "x" * 1000, "+/" * 21 + "x", "é" * 43, "x" * 42 + "="):
        told = answer(person.get(portal.authorize_url(code_challenge=challenge)).headers["location"])

        assert (told["error"], "code" in told) == ("invalid_request", False), challenge


def bodies(form: str) -> dict[str, tuple[bytes, dict[str, str]]]:
    """A good request in other shapes than the one that is meant: what is sent, and its headers."""
    boundary = "limite"
    parts = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in (pair.split("=") for pair in form.split("&"))
    )
    return {
        "JSON": (b'{"grant_type":"client_credentials"}', {"Content-Type": "application/json"}),
        "JSON said to be a form": (b'{"grant_type":"client_credentials"}', {"Content-Type": FORM}),
        "JSON array": (b"[1,2,3]", {"Content-Type": "application/json"}),
        "multipart": (
            f"{parts}--{boundary}--\r\n".encode(),
            {"Content-Type": f"multipart/form-data; boundary={boundary}"},
        ),
        "no type": (form.encode(), {}),
        "text": (form.encode(), {"Content-Type": "text/plain"}),
        "UTF-16": (form.encode("utf-16"), {"Content-Type": f"{FORM}; charset=utf-16"}),
        "gzip": (gzip.compress(form.encode()), {"Content-Type": FORM, "Content-Encoding": "gzip"}),
        "not UTF-8": (b"grant_type=%ff%fe&\xff=\xfe", {"Content-Type": FORM}),
        "a lone surrogate and NUL": (b"grant_type=%ED%A0%80&a=%00&%00=b", {"Content-Type": FORM}),
    }


@attack("B15")
@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/par", "/oauth/introspect", "/oauth/revoke"])
def test_a_body_that_is_no_form_gives_nothing_and_breaks_nothing(world: World, path: str) -> None:
    portal = world.portal(world.agency())
    assert portal.secret
    for kind, (body, headers) in bodies("grant_type=client_credentials&token=x&redirect_uri=x").items():
        response = HTTP.post(world.base + path, content=body, headers=headers, auth=(portal.client_id, portal.secret))

        assert response.status_code in (400, 413, 415), f"{kind}: {response.text}"
        assert response.json()["error"] in ("invalid_request", "unsupported_grant_type"), kind
        assert response.headers["cache-control"] == "no-store"


@attack("B15")
@pytest.mark.parametrize(
    "body", [b"ZZZ\r\nnot a length\r\n0\r\n\r\n", b"-1\r\nx\r\n0\r\n\r\n", b"5\r\nab\r\n0\r\n\r\n"]
)
def test_chunks_that_are_no_chunks_end_the_connection_at_most(world: World, body: bytes) -> None:
    address = urlsplit(world.base)
    head = f"POST /oauth/token HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: {FORM}\r\n"
    with socket.create_connection((str(address.hostname), int(address.port or 80)), timeout=20) as raw:
        raw.sendall(f"{head}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n".encode() + body)
        raw.shutdown(socket.SHUT_WR)
        told = raw.recv(4096)

    assert not told.startswith(b"HTTP/1.1 2")
    assert world.portal(world.agency()).token(grant_type="client_credentials").status_code == 200


@attack("B16")
def test_no_code_token_verifier_or_secret_is_in_a_log_and_no_page_sends_its_address_on(
    world: World,
) -> None:
    letter, _ = world.member()
    portal = world.portal(letter)
    person = world.person()
    with logged(world) as told:
        page = person.open(portal.authorize_url(prompt="login"))
        assert page.response.headers["referrer-policy"] in ("no-referrer", "same-origin", "strict-origin")
        person.submit(identifier=letter.email, password=STRONG)
        code = answer(person.sent_to)["code"]
        tokens = portal.redeem(person.sent_to).json()
        again = portal.refresh(tokens["refresh_token"]).json()
        portal.userinfo(again["access_token"])
        portal.post("/oauth/introspect", token=again["refresh_token"])
        portal.redeem(person.sent_to)  # a replay
        person.get(portal.authorize_url(client_id="unknown", code_challenge=portal.verifier))  # what is logged
        lines = told()

    secrets = [code, portal.verifier, portal.secret, STRONG, tokens["id_token"]]
    secrets += [one[kind] for one in (tokens, again) for kind in ("access_token", "refresh_token")]
    assert lines
    for secret in secrets:
        assert secret
        assert not [line for line in lines if secret in line]


@attack("B17")
def test_scopes_added_after_the_question_are_not_granted(world: World) -> None:
    """The portal asked for the profile; a scope added to the post, or to the address that goes on, is not looked at."""
    letter, _ = world.member()
    portal: Portal = world.portal(letter, first_party=False, require_pkce=False)
    person = world.signed_in(letter)
    person.open(portal.authorize_url(scope="openid profile"))
    onward = person.send("Autoriser", scope="openid profile email admin", claims='{"userinfo":{"email":null}}')
    location = onward.headers["location"]
    person.open(f"{location}{'&' if '?' in location else '?'}scope=openid+profile+email+admin")

    tokens = portal.redeem(person.sent_to).json()

    assert tokens["scope"] == "openid profile"
    assert "email" not in portal.userinfo(tokens["access_token"]).json()
