"""Requests inside a JWT: by value or behind an address, signed, unsigned, encrypted (OIDC Core 6; RFC 9101)."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from joserfc import jwe, jws
from joserfc.jwk import ECKey, OctKey, RSAKey

from tests.attacks import attack
from tests.support.mailbox import Mailbox
from tests.support.outside import Authority, Host
from tests.support.world import HTTP, Portal, ProviderServer, World, answer

SIGNER = ECKey.generate_key("P-256")
PUBLIC = {**SIGNER.as_dict(private=False), "kid": "s1", "use": "sig", "alg": "ES256"}
STRANGER = ECKey.generate_key("P-256")


def plain(claims: dict[str, Any], **header: Any) -> str:
    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'none', **header})}.{part(claims)}."


def signed(claims: dict[str, Any], *, key: Any = SIGNER, algorithm: str = "ES256", **header: Any) -> str:
    return jws.serialize_compact(
        {"alg": algorithm, "kid": "s1", **header}, json.dumps(claims), key, algorithms=[algorithm]
    )


@pytest.fixture
def made(world: World) -> Callable[..., tuple[Any, Portal]]:
    """A signed-in person and a portal with a key."""

    def make(**changes: Any) -> tuple[Any, Portal]:
        agency = world.agency()
        letter, _ = world.member(agency)
        return world.signed_in(letter), world.portal(agency, jwks={"keys": [PUBLIC]}, **changes)

    return make


def sent(person: Any, portal: Portal, token: str, **beside: str | None) -> dict[str, str]:
    response = person.get(portal.authorize_url(request=token, **beside))
    return answer(response.headers["location"]) if "location" in response.headers else {"shown": response.text}


@pytest.mark.parametrize("wrap", [signed, plain], ids=["signed", "unsigned"])
def test_what_the_object_says_goes_before_what_stands_beside_it(made, wrap) -> None:
    person, portal = made()
    told = sent(person, portal, wrap({"state": "inside", "prompt": "none"}), state="beside", prompt="login")
    assert told["state"] == "inside"
    assert "code" in told


def test_the_redirect_uri_of_the_object_counts_and_must_be_registered(made) -> None:
    person, portal = made(redirect_uris=("https://rp.example/one", "https://rp.example/two"))
    token = plain({"redirect_uri": "https://rp.example/two"})
    response = person.get(portal.authorize_url(request=token))
    assert response.headers["location"].startswith("https://rp.example/two?code=")
    assert "OID-0" in sent(person, portal, plain({"redirect_uri": "https://evil.example/"}))["shown"]


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "somebody-else"},
        {"client_id": "somebody-else"},
        {"client_id": ["x"]},
        {"aud": "https://another.example"},
        {"aud": []},
        {"exp": 1},
        {"exp": "never"},
        {"nbf": 9999999999},
        {"response_type": "token"},
        {"scope": ["openid"]},
        {"state": 1},
        {"redirect_uri": {"a": 1}},
        {"max_age": True},
        {"claims": [1]},
        {"resource": [1]},
        {"request": "eyJ"},
        {"request_uri": "https://rp.example/"},
    ],
    ids=str,
)
@attack("E13")
def test_an_object_that_does_not_fit_is_refused(made, claims) -> None:
    person, portal = made()
    assert sent(person, portal, signed(claims))["error"] == "invalid_request_object"


def _flipped(token: str) -> str:
    head, body, signature = token.split(".")
    return f"{head}.{body}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"


BOMB = {"alg": "PBES2-HS256+A128KW", "enc": "A128CBC-HS256", "p2s": "YQ", "p2c": 2**31}


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "..",
        "....",
        "a.b.c",
        "é.b.c",
        "eyJhbGciOiJub25lIn0.e30.c2ln",  # alg none, with a signature
        _flipped(signed({"state": "x"})),
        signed({"state": "x"}, key=STRANGER),
        signed({"state": "x"}, kid="unknown"),
        signed({}, key=OctKey.import_key(json.dumps(PUBLIC)), algorithm="HS256"),
        signed({}, jwk=STRANGER.as_dict(private=False), key=STRANGER),
        plain({}, crit=["exp"], exp=1),
        plain({}, b64=False, crit=["b64"]),
        plain({}, zip="DEF"),
        plain({"state": "x" * 60_000}),
        plain({})[:-1] + "A" * 40_000,
        f"{base64.urlsafe_b64encode(json.dumps(BOMB).encode()).rstrip(b'=').decode()}.YQ.YQ.YQ.YQ",
        "eyJhbGciOlsibm9uZSJdfQ.e30.",  # alg is a list
        "bnVsbA.e30.",  # the header is null
        "eyJhbGciOiJub25lIn0.bnVsbA.",  # the claims are null
        "eyJhbGciOiJub25lIn0." + base64.urlsafe_b64encode(b"[" * 20_000).decode() + ".",
    ],
    ids=range(21),
)
@attack("E3", "E5", "E6", "E13")
def test_a_malformed_or_forged_object_is_refused(made, token: str) -> None:
    person, portal = made()
    response = person.http.post(
        f"{portal.base}/oauth/authorize", data={**_beside(portal), "request": token}, follow_redirects=False
    )
    if response.status_code == 413:  # larger than any body that is read
        return
    told = answer(response.headers["location"])
    assert told["error"] == "invalid_request_object", told


def _beside(portal: Portal) -> dict[str, str]:
    return {
        "client_id": portal.client_id,
        "redirect_uri": portal.redirect_uri,
        "response_type": "code",
        "scope": "openid",
        "state": "the-state",
    }


def test_a_portal_that_registered_an_algorithm_is_held_to_it(made) -> None:
    person, portal = made(request_object_signing_alg="ES256")
    assert "code" in sent(person, portal, signed({"prompt": "none"}))
    assert sent(person, portal, plain({}))["error"] == "invalid_request_object"


def test_a_portal_that_must_sign_can_neither_leave_it_out_nor_have_anything_added(made) -> None:
    person, portal = made(require_signed_request_object=True, require_pkce=False)
    assert answer(person.get(portal.authorize_url()).headers["location"])["error"] == "invalid_request"
    inside = {"response_type": "code", "redirect_uri": portal.redirect_uri, "scope": "openid"}
    told = sent(person, portal, signed({**inside, "state": "mine"}), state="added", prompt="none", login_hint="x")
    assert told["state"] == "mine"
    assert sent(person, portal, plain(inside))["error"] == "invalid_request_object"


@pytest.mark.parametrize("algorithm", ["RSA-OAEP-256", "ECDH-ES"])
def test_a_signed_object_may_be_encrypted_to_our_key(world: World, made, algorithm: str) -> None:
    person, portal = made()
    published = next(k for k in HTTP.get(f"{world.base}/oauth/jwks").json()["keys"] if k.get("alg") == algorithm)
    key = (RSAKey if published["kty"] == "RSA" else ECKey).import_key(published)
    header = {"alg": algorithm, "enc": "A256GCM", "kid": published["kid"], "cty": "JWT"}
    token = jwe.encrypt_compact(header, signed({"state": "secret"}), key, algorithms=[algorithm, "A256GCM"])
    assert sent(person, portal, token)["state"] == "secret"
    compressed = jwe.encrypt_compact(
        {**header, "zip": "DEF"}, signed({"state": "x"}), key, algorithms=[algorithm, "A256GCM", "DEF"]
    )
    assert sent(person, portal, compressed)["error"] == "invalid_request_object"
    tampered = token[:-3] + ("AAA" if token[-3:] != "AAA" else "BBB")
    assert sent(person, portal, tampered)["error"] == "invalid_request_object"
    unsigned = jwe.encrypt_compact(header, plain({"state": "x"}), key, algorithms=[algorithm, "A256GCM"])
    assert sent(person, portal, unsigned)["error"] == "invalid_request_object"


def test_an_address_that_was_not_registered_is_not_looked_at(made) -> None:
    person, portal = made(request_uris=("https://rp.example/request.jwt#1",))
    told = answer(person.get(portal.authorize_url(request_uri="https://rp.example/other.jwt")).headers["location"])
    assert told["error"] == "invalid_request_uri"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def fetching(
    tmp_path_factory: pytest.TempPathFactory, mailbox: Mailbox, authority: Authority
) -> Iterator[ProviderServer]:
    """A provider that may fetch from this machine."""
    server = ProviderServer(
        f"sqlite:///{tmp_path_factory.mktemp('fetching') / 'idp.sqlite'}",
        mailbox,
        IDP_FETCH_ALLOWED_NETWORKS="127.0.0.0/8",
        IDP_FETCH_CA_FILE=str(authority.file),
    )
    yield server
    server.stop()


def test_an_object_behind_a_registered_address_is_fetched_each_time(
    fetching: ProviderServer, authority: Authority
) -> None:
    world, host = World(fetching), Host(authority)
    address = f"{host.url}/request.jwt"
    agency = world.agency()
    letter, _ = world.member(agency)
    portal = world.portal(agency, jwks={"keys": [PUBLIC]}, request_uris=(address,))
    person = world.signed_in(letter)
    try:
        for state, wrap in (("first", signed), ("second", plain)):
            host.pages["/request.jwt"] = wrap({"state": state}).encode()
            told = answer(person.get(portal.authorize_url(request_uri=f"{address}#v1")).headers["location"])
            assert told["state"] == state
            assert "code" in told
        for page in (b"\xff", b"", b"{}", b"x" * 100_000):
            host.pages["/request.jwt"] = page
            told = answer(person.get(portal.authorize_url(request_uri=address)).headers["location"])
            assert told["error"] in ("invalid_request_uri", "invalid_request_object")
    finally:
        host.stop()


def test_a_parameter_twice_beside_the_object_does_not_matter_when_the_object_has_it(made) -> None:
    person, portal = made()
    url = portal.authorize_url(request=signed({"state": "inside"})) + "&state=again"
    assert answer(person.get(url).headers["location"])["state"] == "inside"
    url = portal.authorize_url(request=signed({"state": "inside"})) + "&scope=again"
    assert answer(person.get(url).headers["location"])["error"] == "invalid_request"
