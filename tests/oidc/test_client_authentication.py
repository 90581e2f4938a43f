"""How portals prove who they are: JWTs signed with their key or keyed with their secret (RFC 7523, OIDC Core 9).

Secrets in HTTP Basic and in forms are in test_token.py. Attack cases 060 to 067, 075, 076, 089.
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2 as httpx
import hypothesis
import pytest
from authlib.oauth2.rfc7523 import client_secret_jwt_sign, private_key_jwt_sign
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey

from idp import purge
from idp.oidc import jose
from idp.oidc.authentication import assertions
from idp.oidc.authentication.presented import ASSERTION_TYPE
from idp.oidc.registration import store
from tests.support.outside import Authority, Host
from tests.support.world import HTTP, Portal, ProviderServer, World

KEYS: dict[str, Key] = {
    "RS256": RSAKey.generate_key(2048, {"kid": "rsa"}),
    "PS256": RSAKey.generate_key(2048, {"kid": "pss"}),
    "ES256": ECKey.generate_key("P-256", {"kid": "ec"}),
    "EdDSA": OKPKey.generate_key("Ed25519", {"kid": "ed"}),
}
PUBLIC = {"keys": [key.as_dict(private=False) for key in KEYS.values()]}
HEADERS = {"typ": "JWT"}


def signed(header: dict[str, Any], payload: bytes, key: Key | None) -> str:
    """A JWS with any header, however odd; without a key, unsigned."""
    first = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in (json.dumps(header).encode(), payload))
    if key is None:
        return first.decode() + "."
    algorithm = jose.Signatures.algorithms[header["alg"]]
    return (first + b"." + base64.urlsafe_b64encode(algorithm.sign(first, key)).rstrip(b"=")).decode()


class Signer:
    """A portal that proves itself with JWTs; what is said otherwise is said by keywords."""

    def __init__(self, world: World, portal: Portal, algorithm: str, key: Key) -> None:
        self.world, self.portal, self.algorithm, self.key = world, portal, algorithm, key

    def claims(self, **changed: Any) -> dict[str, Any]:
        now = int(self.world.clock().timestamp())
        said = {
            "iss": self.portal.client_id,
            "sub": self.portal.client_id,
            "aud": self.world.base,
            "jti": secrets.token_hex(8),
            "iat": now,
            "exp": now + 60,
            **changed,
        }
        return {name: value for name, value in said.items() if value is not None}

    def assertion(self, header: dict[str, Any] | None = None, **changed: Any) -> str:
        kid = {"kid": self.key.kid} if self.key.kid and not isinstance(self.key, OctKey) else {}
        whole = {"alg": self.algorithm, **kid, **(header or {})}
        return signed(whole, json.dumps(self.claims(**changed)).encode(), self.key)

    def send(self, proof: str, *, path: str = "/oauth/token", **form: str) -> httpx.Response:
        data = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": proof,
            **form,
        }
        return HTTP.post(f"{self.world.base}{path}", data={k: v for k, v in data.items() if v})


def by_key(world: World, algorithm: str = "ES256", **registered: Any) -> Signer:
    portal = world.portal(None, token_endpoint_auth_method="private_key_jwt", jwks=PUBLIC, **registered)
    return Signer(world, portal, algorithm, KEYS[algorithm])


def by_secret(world: World, algorithm: str = "HS256", **registered: Any) -> Signer:
    portal = world.portal(None, token_endpoint_auth_method="client_secret_jwt", **registered)
    return Signer(world, portal, algorithm, OctKey.import_key(str(portal.secret)))


def refused(response: httpx.Response) -> None:
    """The one answer for every reason."""
    assert (response.status_code, response.headers["cache-control"]) == (401, "no-store")
    assert response.json() == {"error": "invalid_client", "error_description": "client authentication failed"}


# --- what works --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", KEYS)
def test_a_portal_proves_itself_with_its_key(world: World, algorithm: str) -> None:
    signer = by_key(world, algorithm)
    assert signer.send(signer.assertion()).status_code == 200
    assert signer.send(signer.assertion(), client_id=signer.portal.client_id).status_code == 200


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_a_portal_proves_itself_with_its_secret_as_a_key(world: World, algorithm: str) -> None:
    signer = by_secret(world, algorithm)
    assert signer.send(signer.assertion()).status_code == 200


def test_a_secret_is_kept_itself_only_where_it_is_a_key_and_then_encrypted(world: World) -> None:
    keyed, basic = by_secret(world).portal, world.portal(None)
    with world.reading() as db:
        first = store.find(db, keyed.client_id, now=world.clock())
        second = store.find(db, basic.client_id, now=world.clock())
    assert first is not None
    assert second is not None
    assert len(first.sealed_secrets) == 1
    assert str(keyed.secret) not in str(vars(first))
    assert second.sealed_secrets == ()


def test_a_secret_that_is_no_longer_a_key_is_kept_no_longer(world: World) -> None:
    portal = by_secret(world).portal
    with world.transaction() as db:
        client = store.find(db, portal.client_id, now=world.clock())
        assert client is not None
        store.change(db, world.deps, replace(client, token_endpoint_auth_method="client_secret_basic"))
    with world.reading() as db:
        after = store.find(db, portal.client_id, now=world.clock())
    assert after is not None
    assert after.sealed_secrets == ()
    assert portal.token(grant_type="client_credentials").status_code == 200


@pytest.mark.parametrize("path", ["/oauth/introspect", "/oauth/revoke"])
def test_introspection_and_revocation_take_the_same_proofs(world: World, path: str) -> None:
    for signer in (by_key(world), by_secret(world)):
        assert signer.send(signer.assertion(), path=path, token="unknown").status_code == 200


def test_a_code_and_a_refresh_token_are_exchanged_with_a_jwt(world: World) -> None:
    agency = world.agency()
    letter, _ = world.member(agency)
    signer = by_key(world)
    portal, person = signer.portal, world.signed_in(letter)
    person.open(portal.authorize_url())
    form = {"client_assertion_type": ASSERTION_TYPE}
    told = portal.redeem(person.sent_to, **form, client_assertion=signer.assertion()).json()
    again = portal.refresh(told["refresh_token"], **form, client_assertion=signer.assertion())
    assert again.status_code == 200


def test_proving_itself_with_a_jwt_costs_one_statement(world: World) -> None:
    signer = by_key(world)
    assert signer.send(signer.assertion()).status_code == 200
    with world.statements() as seen:
        assert signer.send(signer.assertion()).status_code == 200
    assert len(seen) == 1, seen


@pytest.mark.parametrize(
    "said",
    [
        {"aud": "ISSUER"},
        {"aud": ["ISSUER"]},
        {"aud": "ISSUER/oauth/token"},
        {"iat": None},
        {"nbf": 10},
        {"exp": 3600},
        {"iat": 10},
        {"iat": -10},
    ],
    ids=str,
)
def test_what_honest_libraries_say_is_taken(world: World, said: dict[str, Any]) -> None:
    """The conformance suite names the token endpoint, pyoidc a list of one, Authlib's client lives an hour."""
    signer, now = by_key(world), int(world.clock().timestamp())
    for name, value in said.items():
        if isinstance(value, int):
            said = {**said, name: now + value}
        elif value is not None:
            said = {**said, name: json.loads(json.dumps(value).replace("ISSUER", world.base))}
    assert signer.send(signer.assertion(**said)).status_code == 200


def test_what_authlibs_client_signs_is_taken_as_it_is(world: World) -> None:
    """An hour of life and the token endpoint as audience, unless somebody says otherwise."""
    endpoint = f"{world.base}/oauth/token"
    signer, keyed = by_key(world), by_secret(world)
    proof = private_key_jwt_sign(signer.key, signer.portal.client_id, endpoint, alg="ES256", header={"kid": "ec"})
    assert signer.send(proof).status_code == 200
    proof = client_secret_jwt_sign(keyed.key, keyed.portal.client_id, endpoint)
    assert keyed.send(proof).status_code == 200


@pytest.mark.parametrize("kind", ["JWT", "jwt", "client-authentication+jwt"])
def test_the_types_of_a_client_assertion_are_taken(world: World, kind: str) -> None:
    signer = by_key(world)
    assert signer.send(signer.assertion({"typ": kind})).status_code == 200


def test_discovery_tells_the_methods_and_their_algorithms(world: World) -> None:
    told = HTTP.get(f"{world.base}/.well-known/openid-configuration").json()
    for endpoint in ("token", "introspection", "revocation"):
        assert {"private_key_jwt", "client_secret_jwt"} <= set(told[f"{endpoint}_endpoint_auth_methods_supported"])
        algorithms = told[f"{endpoint}_endpoint_auth_signing_alg_values_supported"]
        assert set(algorithms) == {"HS256", "HS384", "HS512", "RS256", "PS256", "ES256", "EdDSA"}


# --- what is refused -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "audience",
    [
        None,
        "",
        "https://evil.example",
        "ISSUER/",
        "ISSUER/oauth/authorize",
        "ISSUER/oauth/introspect",
        ["ISSUER", "https://evil.example"],
        ["https://evil.example", "ISSUER"],
        [["ISSUER"]],
        [],
        {"ISSUER": 1},
        1,
    ],
    ids=str,
)
def test_atk_063_an_assertion_for_somebody_else_too_is_refused(world: World, audience: Any) -> None:
    signer = by_key(world)
    said = json.loads(json.dumps(audience).replace("ISSUER", world.base))
    refused(signer.send(signer.assertion(aud=said)))


def test_atk_064_an_assertion_is_used_once(world: World) -> None:
    signer, other = by_key(world), by_key(world)
    token = signer.assertion(jti="the-same")
    assert signer.send(token).status_code == 200
    refused(signer.send(token))
    refused(signer.send(signer.assertion(jti="the-same")))
    # Names are each client's own: another one may use the same.
    assert other.send(other.assertion(jti="the-same")).status_code == 200


def test_atk_064_of_twenty_at_once_one_wins(world: World) -> None:
    signer = by_key(world)
    token, barrier, codes = signer.assertion(), threading.Barrier(20), []

    def one() -> None:
        barrier.wait()
        codes.append(signer.send(token).status_code)

    threads = [threading.Thread(target=one) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [200] + [401] * 19


def test_atk_064_an_assertion_is_remembered_for_as_long_as_it_could_be_used(world: World) -> None:
    signer = by_key(world)
    token = signer.assertion()
    assert signer.send(token).status_code == 200
    world.clock.advance(seconds=85)  # expired, but within the skew that clocks are granted
    with world.server.app.app_context():
        list(purge.run(world.deps))
    refused(signer.send(token))
    world.clock.advance(minutes=65)  # for as long as a clock that goes back may make it good again (decision 44)
    with world.server.app.app_context():
        assert dict(purge.run(world.deps))["replay guards"] >= 1


@pytest.mark.parametrize(
    "said",
    [
        {"sub": None},
        {"iss": None},
        {"sub": "other"},
        {"iss": "other"},
        {"iss": 1},
        {"sub": ["a"]},
        {"sub": "\x00"},
        {"sub": "x" * 3000},
        {"jti": None},
        {"jti": ""},
        {"jti": 5},
        {"jti": "x" * 501},
        {"exp": None},
        {"exp": "soon"},
        {"exp": True},
        {"exp": -1},
        {"exp": 10**30},
        {"iat": "now"},
        {"nbf": [1]},
    ],
    ids=lambda said: str(said)[:30],
)
def test_atk_066_an_assertion_that_says_too_little_or_something_else_is_refused(world: World, said: Any) -> None:
    signer = by_key(world)
    refused(signer.send(signer.assertion(**said)))


@pytest.mark.parametrize(
    "after",
    [{"exp": -300}, {"exp": 10 * 365 * 86400}, {"exp": 3700}, {"iat": 61}, {"nbf": 61}, {"iat": -7200, "exp": 60}],
    ids=str,
)
def test_atk_089_an_assertion_of_another_time_is_refused(world: World, after: dict[str, int]) -> None:
    signer, now = by_key(world), int(world.clock().timestamp())
    refused(signer.send(signer.assertion(**{name: now + seconds for name, seconds in after.items()})))


def test_atk_066_another_clients_key_proves_nothing(world: World) -> None:
    signer = by_key(world)
    thief = Signer(world, signer.portal, "ES256", ECKey.generate_key("P-256", {"kid": "ec"}))
    refused(thief.send(thief.assertion()))
    thief = Signer(world, signer.portal, "HS256", OctKey.import_key(secrets.token_hex(32)))
    refused(thief.send(thief.assertion()))


def test_atk_066_the_public_key_is_no_secret(world: World) -> None:
    """HS256 keyed with the text of the public key, as PEM and as JSON: the confusion of RS and HS."""
    signer = by_key(world, "RS256")
    public = KEYS["RS256"]
    for text in (public.as_pem(private=False), json.dumps(public.as_dict(private=False)).encode()):  # type: ignore[attr-defined]
        header = {"alg": "HS256", "kid": "rsa"}
        first = ".".join(
            base64.urlsafe_b64encode(part).rstrip(b"=").decode()
            for part in (json.dumps(header).encode(), json.dumps(signer.claims()).encode())
        )
        mac = base64.urlsafe_b64encode(hmac.digest(text, first.encode(), "sha256")).rstrip(b"=").decode()
        refused(signer.send(f"{first}.{mac}"))


def test_atk_066_an_unsigned_assertion_is_refused(world: World) -> None:
    for signer in (by_key(world), by_secret(world)):
        for algorithm in ("none", "None", "NONE", ""):
            refused(signer.send(signed({"alg": algorithm}, json.dumps(signer.claims()).encode(), None)))
    token = by_key(world).assertion()
    refused(signer.send(token.rpartition(".")[0] + "."))


@pytest.mark.parametrize(
    "token",
    [
        *(
            "a",
            "a.b",
            "a.b.c",
            "a.b.c.d",
            "a.b.c.d.e",
            "a.b.c.d.e.f",
            "...",
            "..",
            "é.é.é",
            "\x00.\x00.\x00",
            "." * 10_000,
        ),
        "e30.e30.",
        "W10.W10.",
        "bnVsbA.bnVsbA.bnVsbA",
        "eyJhbGciOiJFUzI1NiJ9.W10.c2ln",
        "eyJhbGciOiJFUzI1NiJ9.eyJleHAiOk5hTn0.c2ln",
        "eyJhbGciOlsiRVMyNTYiXX0.e30.c2ln",
        "eyJhbGciOiJFUzI1NiJ9." + base64.urlsafe_b64encode(b"[" * 3000).decode().rstrip("=") + ".c2ln",
        "eyJhbGciOiJFUzI1NiJ9." + base64.urlsafe_b64encode(b'{"sub":"\\ud800"}').decode().rstrip("=") + ".c2ln",
    ],
    ids=lambda token: token[:24],
)
def test_atk_066_a_malformed_assertion_is_refused(world: World, token: str) -> None:
    refused(by_key(world).send(token))


@pytest.mark.parametrize("length", [9_000, 30_000])
def test_atk_076_an_oversized_assertion_is_refused_fast(world: World, length: int) -> None:
    signer = by_key(world)
    began = time.monotonic()
    refused(signer.send(signer.assertion(padding="x" * length)))
    refused(signer.send(signer.assertion({"padding": "x" * length})))
    refused(signer.send(signer.assertion() + "A" * length))
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["b64"], "b64": True},
        {"crit": ["x-unknown"], "x-unknown": 1},
        {"crit": []},
        {"crit": ["exp"]},
        {"b64": False},
        {"b64": True},
        {"jwk": KEYS["ES256"].as_dict(private=False)},
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example/chain"},
        {"x5c": ["AA=="]},
        {"zip": "DEF"},
        {"kid": 5},
        {"kid": "unknown"},
        {"kid": "../../etc/passwd"},
        {"kid": "' OR 1=1 --"},
        {"typ": 5},
        {"typ": "at+jwt"},
        {"typ": "oauth-authz-req+jwt"},
        {"typ": "dpop+jwt"},
        {"alg": "ES384"},
    ],
    ids=lambda header: "-".join(
        f"{name}={str(value)[:20]}" if name != "jwk" else name for name, value in header.items()
    ),
)
def test_atk_075_a_header_that_would_change_the_rules_is_refused(world: World, header: dict[str, Any]) -> None:
    signer = by_key(world)
    whole = {"alg": "ES256", "kid": "ec", **header}
    token = signed({**whole, "alg": "ES256"}, json.dumps(signer.claims()).encode(), signer.key)
    if "alg" in header:
        token = base64.urlsafe_b64encode(json.dumps(whole).encode()).decode().rstrip("=") + token[token.index(".") :]
    refused(signer.send(token))


def test_atk_067_a_request_object_or_an_id_token_is_no_assertion(world: World) -> None:
    agency = world.agency()
    letter, _ = world.member(agency)
    signer = by_key(world)
    claims = signer.claims(sub=None, client_id=signer.portal.client_id, response_type="code", scope="openid")
    refused(signer.send(signed({"alg": "ES256", "kid": "ec"}, json.dumps(claims).encode(), signer.key)))

    portal, person = world.portal(agency), world.signed_in(letter)
    person.open(portal.authorize_url())
    told = portal.redeem(person.sent_to).json()
    for token in (told["id_token"], told["access_token"]):
        refused(signer.send(token))


def test_the_registered_algorithm_is_the_only_one(world: World) -> None:
    signer = by_key(world, "RS256", token_endpoint_auth_signing_alg="PS256")
    refused(signer.send(signer.assertion()))
    signer = by_key(world, "PS256", token_endpoint_auth_signing_alg="PS256")
    assert signer.send(signer.assertion()).status_code == 200
    keyed = by_secret(world, "HS256", token_endpoint_auth_signing_alg="HS512")
    refused(keyed.send(keyed.assertion()))


def test_a_portal_proves_itself_only_in_the_way_that_it_registered(world: World) -> None:
    keyed, basic = by_secret(world), world.portal(None)
    refused(keyed.portal.token(grant_type="client_credentials"))
    refused(
        HTTP.post(
            f"{world.base}/oauth/token",
            data={
                "grant_type": "client_credentials",
                "client_id": keyed.portal.client_id,
                "client_secret": keyed.portal.secret,
            },
        )
    )
    signer = Signer(world, basic, "HS256", OctKey.import_key(str(basic.secret)))
    refused(signer.send(signer.assertion()))


@pytest.mark.parametrize(
    "form",
    [
        {"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"},
        {"client_assertion_type": ""},
        {"client_assertion": ""},
        {"client_id": "somebody-else"},
    ],
    ids=str,
)
def test_what_stands_beside_an_assertion_must_fit_it(world: World, form: dict[str, str]) -> None:
    signer = by_key(world)
    refused(signer.send(signer.assertion(), **form))


def test_atk_060_two_ways_at_once_are_refused(world: World) -> None:
    signer, basic = by_key(world), world.portal(None)
    response = signer.send(signer.assertion(), client_secret="x" * 40, client_id=signer.portal.client_id)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")
    form = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE}
    response = HTTP.post(
        f"{world.base}/oauth/token",
        data={**form, "client_assertion": signer.assertion()},
        auth=(basic.client_id, str(basic.secret)),
    )
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")
    body = f"grant_type=client_credentials&client_assertion={signer.assertion()}&client_assertion={signer.assertion()}"
    response = HTTP.post(
        f"{world.base}/oauth/token", content=body, headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


def test_a_disabled_portal_is_refused_like_an_unknown_one(world: World) -> None:
    signer = by_key(world, disabled_at=world.clock())
    refused(signer.send(signer.assertion()))


def test_atk_192_parameters_that_name_a_host_change_nothing(world: World, tmp_path: Path) -> None:
    """As Keycloak's `client_session_host`, which made it post there (CVE-2026-4874)."""
    authority = Authority(tmp_path)
    host, signer = Host(authority), by_key(world)
    names = ("client_session_host", "host", "issuer", "jku", "jwks_uri", "client_session_state")
    assert signer.send(signer.assertion(), **dict.fromkeys(names, host.url)).status_code == 200
    headers = {"X-Forwarded-Host": f"127.0.0.1:{host.port}", "Forwarded": f"host=127.0.0.1:{host.port}"}
    told = HTTP.get(f"{world.base}/.well-known/openid-configuration", headers=headers).json()
    assert told["token_endpoint"] == f"{world.base}/oauth/token"
    assert host.connections == 0
    host.stop()


@hypothesis.settings(deadline=None)
@given(st.text() | st.from_regex(r"[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*", fullmatch=True))
def test_whatever_is_sent_as_an_assertion_is_read_or_refused(text: str) -> None:
    with suppress(assertions.AssertionRefused):
        assertions.read(text)


# --- keys behind an address ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory, mailbox: Any) -> Iterator[tuple[World, Host]]:
    """A provider that may fetch from this machine and takes assertions for the issuer alone, and a portal's host."""
    folder = tmp_path_factory.mktemp("elsewhere")
    authority = Authority(folder)
    server = ProviderServer(
        f"sqlite:///{folder / 'idp.sqlite'}",
        mailbox,
        IDP_FETCH_ALLOWED_NETWORKS="127.0.0.0/8",
        IDP_FETCH_CA_FILE=str(authority.file),
        IDP_CLIENT_ASSERTION_AUDIENCE="issuer",
    )
    host = Host(authority)
    yield World(server), host
    host.stop()
    server.stop()


def test_a_portal_that_changes_its_key_behind_its_jwks_uri_goes_on(elsewhere: tuple[World, Host]) -> None:
    """As in the suite's oidcc-refresh-token-rp-key-rotation."""
    world, host = elsewhere
    first, second = (ECKey.generate_key("P-256", {"kid": kid}) for kid in ("first", "second"))
    host.pages["/keys"] = json.dumps({"keys": [first.as_dict(private=False)]}).encode()
    portal = world.portal(None, token_endpoint_auth_method="private_key_jwt", jwks_uri=f"{host.url}/keys")
    signer = Signer(world, portal, "ES256", first)
    assert signer.send(signer.assertion()).status_code == 200
    host.pages["/keys"] = json.dumps({"keys": [second.as_dict(private=False)]}).encode()
    world.clock.advance(seconds=60)
    signer = Signer(world, portal, "ES256", second)
    assert signer.send(signer.assertion()).status_code == 200
    assert len(host.asked) == 2


def test_where_the_operator_says_so_the_issuer_is_the_only_audience(elsewhere: tuple[World, Host]) -> None:
    world, _ = elsewhere
    signer = by_key(world)
    refused(signer.send(signer.assertion(aud=f"{world.base}/oauth/token")))
    refused(signer.send(signer.assertion(aud=[f"{world.base}/oauth/token"])))
    assert signer.send(signer.assertion(aud=world.base)).status_code == 200
    assert signer.send(signer.assertion(aud=[world.base])).status_code == 200


def test_the_checks_agree_with_the_library_about_signatures() -> None:
    """The hand-made JWS of these tests are what joserfc makes, so that a refusal is not a broken helper."""
    token = signed({"alg": "ES256"}, b"{}", KEYS["ES256"])
    assert jws.deserialize_compact(token, KEYS["ES256"], algorithms=["ES256"]).payload == b"{}"
    assert len(token) < assertions.LONGEST
