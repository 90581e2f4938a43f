"""The public keys of clients: which fit, which may be registered, how often their host is asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from idp.app import make_deps
from idp.cli.clients.defaults import NEW
from idp.deps import Deps
from idp.oidc.registration import client_keys, jwks
from idp.oidc.registration.metadata import Client
from idp.settings import Settings
from tests.support.outside import Authority, Host, answer

RSA = RSAKey.generate_key(2048).as_dict(private=False)
WEAK = {**RSA, "n": str(RSA["n"])[:171]}  # 1026 bits
P256 = ECKey.generate_key("P-256").as_dict(private=False)
P384 = ECKey.generate_key("P-384").as_dict(private=False)
ED25519 = OKPKey.generate_key("Ed25519").as_dict(private=False)
X25519 = OKPKey.generate_key("X25519").as_dict(private=False)
OFF_CURVE = {**P256, "y": P256["x"]}
ALL = (RSA, P256, P384, ED25519, X25519)


def fitting(key: dict[str, Any], algorithm: str, use: jwks.Use = "sig", kid: str | None = None) -> bool:
    return bool(jwks.fitting([key], kid=kid, algorithm=algorithm, use=use))


@pytest.mark.parametrize(
    ("algorithm", "use", "fits"),
    [
        ("RS256", "sig", [RSA]),
        ("PS256", "sig", [RSA]),
        ("ES256", "sig", [P256]),
        ("EdDSA", "sig", [ED25519]),
        ("RSA-OAEP-256", "enc", [RSA]),
        ("ECDH-ES", "enc", [P256, P384, X25519]),
        ("HS256", "sig", []),
        ("none", "sig", []),
        ("", "sig", []),
    ],
)
def test_a_key_works_with_the_algorithms_of_its_type_and_no_other(algorithm: str, use: Any, fits: list[Any]) -> None:
    assert [key for key in ALL if fitting(key, algorithm, use)] == fits


@pytest.mark.parametrize(
    "said",
    [
        {"use": "enc"},
        {"use": 1},
        {"alg": "RS384"},
        {"alg": ["RS256"]},
        {"key_ops": ["encrypt"]},
        {"key_ops": "verify"},
        {"key_ops": []},
    ],
)
def test_a_key_that_is_meant_for_something_else_does_not_fit(said: dict[str, Any]) -> None:
    assert fitting(RSA, "RS256")
    assert not fitting({**RSA, **said}, "RS256")


def test_ed25519_is_known_under_both_names() -> None:
    assert fitting({**ED25519, "alg": "Ed25519"}, "EdDSA")
    assert fitting({**ED25519, "alg": "EdDSA"}, "EdDSA")


@pytest.mark.parametrize(
    "key",
    [
        WEAK,
        OFF_CURVE,
        {"kty": "RSA"},
        {"kty": "RSA", "n": 1, "e": "AQAB"},
        {**RSA, "e": RSA["n"]},
        {**RSA, "n": "A" * 3000},
        {**RSA, "n": "é"},
        {**RSA, "kid": 5},
        {"kty": ["RSA"]},
        {"kty": "EC", "crv": "P-256", "x": "", "y": ""},
        {**P256, "crv": {"a": 1}},
        {**P256, "crv": "secp256k1"},
        RSAKey.generate_key(2048).as_dict(private=True),
        OctKey.generate_key(256).as_dict(private=True),
        {},
    ],
)
def test_keys_that_are_weak_costly_malformed_or_private_fit_nothing(key: dict[str, Any]) -> None:
    assert not any(fitting(key, algorithm) for algorithm in ("RS256", "PS256", "ES256", "EdDSA"))
    assert jwks.problem({"keys": [key]}) is not None


def test_a_named_key_is_taken_by_its_name_only() -> None:
    keys = [{**P256, "kid": "a"}, {**P256, "kid": "b"}]
    assert [key.kid for key in jwks.fitting(keys, kid="b", algorithm="ES256", use="sig")] == ["b"]
    assert len(jwks.fitting(keys, kid=None, algorithm="ES256", use="sig")) == 2
    assert jwks.fitting(keys, kid="c", algorithm="ES256", use="sig") == []


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        "keys",
        5,
        {},
        {"keys": None},
        {"keys": "abc"},
        {"keys": []},
        {"keys": [1]},
        {"keys": [{"kty": "unknown"}]},
        {"keys": [P256] * 31},
        {"keys": [{**P256, "kid": "a"}, {**P384, "kid": "a"}]},
        {"keys": [{**P256, "kid": ["a"]}]},
        {"keys": [P256, ECKey.generate_key("P-256").as_dict(private=True)]},
        {"keys": [P256, {"kty": "oct", "k": "c2VjcmV0"}]},
    ],
)
def test_a_set_that_is_malformed_or_holds_a_secret_may_not_be_registered(document: Any) -> None:
    assert jwks.problem(document) is not None


def test_keys_of_unknown_types_beside_usable_ones_are_passed_over() -> None:
    assert jwks.problem({"keys": [{"kty": "AKP", "alg": "ML-DSA-44"}, P256]}) is None


# --- behind an address --------------------------------------------------------------------------------------------------


class Moment:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def host(authority: Authority) -> Iterator[Host]:
    host = Host(authority)
    publish(host, {**P256, "kid": "first"})
    yield host
    host.stop()


@pytest.fixture
def clock() -> Moment:
    return Moment()


@pytest.fixture
def deps(authority: Authority, clock: Moment) -> Deps:
    values = {"bcrypt_cost": 4, "fetch_allowed_networks": "127.0.0.0/8", "fetch_ca_file": str(authority.file)}
    return make_deps(Settings.model_validate(values), now=clock)


@pytest.fixture
def client(host: Host) -> Client:
    return replace(NEW, id="portail", name="Portail", jwks_uri=f"{host.url}/keys")


def publish(host: Host, *keys: dict[str, Any]) -> None:
    host.pages["/keys"] = json.dumps({"keys": keys}).encode()


def found(deps: Deps, client: Client, kid: str | None) -> bool:
    return bool(client_keys.find(deps, client, kid=kid, algorithm="ES256", use="sig"))


def test_registered_keys_are_used_without_asking_anybody(deps: Deps) -> None:
    assert found(deps, replace(NEW, id="portail", jwks={"keys": [{**P256, "kid": "a"}]}), "a")
    assert not found(deps, replace(NEW, id="portail"), "a")


def test_an_address_is_asked_once_in_five_minutes(deps: Deps, client: Client, host: Host, clock: Moment) -> None:
    for _ in range(3):
        assert found(deps, client, "first")
        clock.advance(seconds=90)
    assert len(host.asked) == 1
    clock.advance(minutes=2)
    assert found(deps, client, "first")
    assert len(host.asked) == 2


def test_a_new_key_is_found_at_once_by_its_name(deps: Deps, client: Client, host: Host, clock: Moment) -> None:
    assert found(deps, client, "first")
    publish(host, {**P256, "kid": "second"})
    clock.advance(seconds=60)
    assert found(deps, client, "second")
    assert not found(deps, client, "first")


def test_random_names_cannot_make_us_hammer_a_host(deps: Deps, client: Client, host: Host, clock: Moment) -> None:
    for number in range(50):
        assert not found(deps, client, f"random-{number}")
    assert len(host.asked) == 1
    clock.advance(seconds=11)
    for number in range(50):
        assert not found(deps, client, f"random-{number}")
    assert len(host.asked) == 2


def test_known_keys_outlive_a_host_that_is_away_for_a_day(
    deps: Deps, client: Client, host: Host, clock: Moment
) -> None:
    assert found(deps, client, "first")
    host.behaviour = lambda tls, _head: tls.sendall(answer(500, b""))
    clock.advance(hours=23)
    assert found(deps, client, "first")
    clock.advance(hours=2)
    assert not found(deps, client, "first")


@pytest.mark.parametrize("body", [b"", b"[]", b"nonsense", b'{"keys":"a"}', b"[" * 50_000, b"\xff", b"null"])
def test_a_document_that_is_no_key_set_changes_nothing(
    deps: Deps, client: Client, host: Host, clock: Moment, body: bytes
) -> None:
    assert found(deps, client, "first")
    host.pages["/keys"] = body
    clock.advance(minutes=6)
    assert found(deps, client, "first")


def test_many_who_need_the_same_keys_ask_once(deps: Deps, client: Client, host: Host) -> None:
    barrier, answers = threading.Barrier(16), []

    def one() -> None:
        barrier.wait()
        answers.append(found(deps, client, "first"))

    threads = [threading.Thread(target=one) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 16
    assert len(host.asked) == 1


def test_addresses_that_nobody_uses_are_forgotten() -> None:
    documents = client_keys.Documents()
    first = documents.of("https://portail.example/0")
    for number in range(400):
        documents.of(f"https://portail.example/{number}")
    assert documents.of("https://portail.example/399") is documents.of("https://portail.example/399")
    assert documents.of("https://portail.example/0") is not first
