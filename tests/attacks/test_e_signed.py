"""Group E: signed and encrypted messages, wherever one is taken. The rest stands in tests/oidc/test_request_objects.py,
test_pushed.py and test_client_authentication.py."""

from __future__ import annotations

import base64
import json
import os
import sys
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx2 as httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jwe, jws
from joserfc.jwk import ECKey, RSAKey
from werkzeug.test import EnvironBuilder, run_wsgi_app

from idp.oidc.authentication.presented import ASSERTION_TYPE
from idp.oidc.keys import keyring
from idp.oidc.registration import store
from tests.attacks import attack
from tests.support.world import HTTP, Portal, World, answer

SIGNER = ECKey.generate_key("P-256", {"kid": "s1"})
PUBLIC = {**SIGNER.as_dict(private=False), "use": "sig", "alg": "ES256"}
FORM = "application/x-www-form-urlencoded"
# What a message may cost: calls of functions, Python's and built-in ones, and bytes held at once. Not seconds: they are the
# machine's. Three times what was counted; a message that is taken apart before it is refused costs tens of thousands.
CALLS = 8_000
BYTES = 2_000_000
# What opens an encrypted message: nothing of it may run for one that is refused unopened.
OPENING = {"decrypt", "decompress", "derive", "unwrap_key", "aes_key_unwrap", "exchange"}


def part(value: bytes | str | dict[str, Any]) -> str:
    raw = json.dumps(value).encode() if isinstance(value, dict) else value.encode() if isinstance(value, str) else value
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(claims: dict[str, Any], **header: Any) -> str:
    return jws.serialize_compact({"alg": "ES256", "kid": "s1", **header}, json.dumps(claims), SIGNER)


@dataclass(frozen=True)
class Cost:
    """What a message cost: calls of functions, bytes held at the worst moment, what of OPENING ran."""

    calls: int
    bytes: int
    opened: frozenset[str]

    @property
    def small(self) -> bool:
        return self.calls < CALLS and self.bytes < BYTES and not self.opened


class Places:
    """Everywhere that a signed message is taken: as request object, hint, client assertion, access token, at logout."""

    def __init__(self, world: World) -> None:
        self.world = world
        letter, _ = world.member()
        self.portal = world.portal(letter, jwks={"keys": [PUBLIC]})
        self.asserting = world.portal(letter, token_endpoint_auth_method="private_key_jwt", jwks={"keys": [PUBLIC]})
        self.person = world.signed_in(letter)

    def beside(self, **more: str) -> dict[str, str]:
        return {name: value for name, value in answer(self.portal.authorize_url()).items() if value} | more

    def posts(self, token: str) -> dict[str, tuple[str, dict[str, str]]]:
        proof = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": token}
        return {
            "request object": ("/oauth/authorize", self.beside(request=token)),
            "hint": ("/oauth/authorize", self.beside(id_token_hint=token, prompt="none")),
            "assertion": ("/oauth/token", {"grant_type": "client_credentials", **proof}),
            "pushed": ("/oauth/par", {**self.beside(), **proof, "client_id": self.asserting.client_id}),
            "access token": ("/oauth/userinfo", {"access_token": token}),
            "logout": ("/oauth/logout", {"id_token_hint": token}),
            "introspected": ("/oauth/introspect", {"token": token}),
            "revoked": ("/oauth/revoke", {"token": token}),
        }

    def headers(self, where: str) -> dict[str, str]:
        if where not in ("introspected", "revoked"):
            return {}
        pair = f"{self.portal.client_id}:{self.portal.secret}"
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}

    def send(self, token: str) -> Iterator[tuple[str, httpx.Response]]:
        base = self.world.base
        for where, (path, form) in self.posts(token).items():
            response = HTTP.post(base + path, data=form, headers=self.headers(where))
            if where == "logout" and response.status_code == 303:
                response = HTTP.get(base + response.headers["location"].removeprefix(base))
            yield where, response

    def cost(self, where: str, token: str) -> Cost:
        """Of one message, without a server between."""
        path, form = self.posts(token)[where]
        environ = EnvironBuilder(
            path, base_url=self.world.base, method="POST", data=form, headers=self.headers(where)
        ).get_environ()
        calls, names = 0, set()

        def count(frame: Any, event: str, arg: Any) -> None:
            nonlocal calls
            if event in ("call", "c_call"):
                calls += 1
                names.add(frame.f_code.co_name if event == "call" else getattr(arg, "__name__", ""))

        tracemalloc.start()
        sys.setprofile(count)
        try:
            b"".join(run_wsgi_app(self.world.server.app.wsgi_app, environ)[0])
        finally:
            sys.setprofile(None)
            most = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        return Cost(calls, most, frozenset(names & OPENING))

    def cheap(self, token: str) -> None:
        """Refused at once wherever it is sent: by few calls, holding little, and nothing of it opened."""
        for where in self.posts(token):
            # Again where it was not: the first one compiles statements and may read keys, and what other threads of this
            # process hold meanwhile is counted as well. What a message costs by itself it costs each time.
            costs = [self.cost(where, token)]
            while not costs[-1].small and len(costs) < 10:
                costs.append(self.cost(where, token))
            assert costs[-1].small, f"{where}: {costs}"

    def refuse(self, token: str) -> None:
        """Refused at each place by the standard's error, and by nothing else."""
        for where, response in self.send(token):
            found = f"{where}: {response.status_code} {response.text[:200]}"
            assert response.status_code < 500, found
            if response.status_code in (413, 414, 431):
                continue
            if where in ("request object", "hint"):
                told = answer(response.headers["location"])
                expected = ("invalid_request_object",) if where == "request object" else ("invalid_request",)
                assert told.get("error") in expected, f"{where}: {told}"
                assert "code" not in told, found
            elif where in ("assertion", "pushed"):
                assert (response.status_code, response.json()["error"]) == (401, "invalid_client"), found
            elif where == "access token":
                assert (response.status_code, response.json()["error"]) == (401, "invalid_token"), found
            elif where == "introspected":
                assert response.json() == {"active": False}, found
            elif where == "revoked":
                assert response.status_code == 200, found
            else:
                assert response.status_code in (200, 303), found
                assert "Traceback" not in response.text


@pytest.fixture
def places(world: World, monkeypatch: pytest.MonkeyPatch) -> Places:
    # Keys and clients that are read again because a second has passed would be counted on a slow machine.
    monkeypatch.setattr(store, "CACHE_SECONDS", 3600)
    monkeypatch.setattr(keyring, "RELOAD_SECONDS", 3600)
    return Places(world)


def test_the_places_take_what_is_right(places: Places) -> None:
    """The helper's own proof: with a sound object the request is answered, with a sound assertion there is a token."""
    now = int(places.world.clock().timestamp())
    sound = answer(
        places.person.get(places.portal.authorize_url(request=signed({"state": "inside"}))).headers["location"]
    )
    assert (sound["state"], "code" in sound) == ("inside", True)
    name = places.asserting.client_id
    proof = signed({"iss": name, "sub": name, "aud": places.world.base, "jti": str(now), "exp": now + 60})
    found = dict(places.send(proof))
    assert found["assertion"].status_code == 200


def test_the_count_would_see_a_message_that_is_opened(places: Places) -> None:
    """The helper's own proof: what is opened is seen, and what is held in memory."""
    known, key = published(places.world, "RSA-OAEP-256")
    sound = sealed({"alg": "RSA-OAEP-256", "enc": "A256GCM", "kid": known["kid"], "cty": "JWT"}, signed({}), key)
    assert places.cost("request object", sound).opened == {"decrypt"}
    assert places.cost("assertion", "a" * 60_000).bytes > 60_000


@attack("E3")
def test_a_header_that_changes_the_rules_is_refused_wherever_a_message_is_taken(places: Places) -> None:
    name = places.asserting.client_id
    now = int(places.world.clock().timestamp())
    for number, extra in enumerate(
        (
            {"crit": ["b64"], "b64": False},
            {"crit": ["b64"], "b64": True},
            {"crit": ["x-unknown"], "x-unknown": True},
            {"crit": []},
            {"crit": "exp"},
            {"crit": ["exp"]},
            {"b64": False},
            {"zip": "DEF"},
        )
    ):
        claims = {"iss": name, "sub": name, "aud": places.world.base, "jti": f"{now}-{number}", "exp": now + 60}
        first = f"{part({'alg': 'ES256', 'kid': 's1', **extra})}.{part(claims)}"
        places.refuse(f"{first}.{part(_raw_signature(first))}")


def _raw_signature(signing_input: str) -> bytes:
    return jws.JWSRegistry.algorithms["ES256"].sign(signing_input.encode(), SIGNER)


_HEADER = {"alg": "ES256", "kid": "s1"}
CLAIMS: dict[str, bytes] = {
    "100 000 brackets": b"[" * 100_000,
    "100 000 objects": b'{"a":' * 100_000,
    "a number without end": b'{"exp":' + b"9" * 20_000 + b"}",
    "numbers beyond all bounds": b'{"exp":1e400,"iat":-1e400}',
    "not a number": b'{"exp":NaN}',
    "lone surrogates": rb'{"sub":"\ud800","iss":"\udfff"}',
    "NUL": rb'{"sub":"\u0000"}',
    "a name twice": b'{"sub":"a","sub":"b"}',
    "an array": b"[]",
    "null": b"null",
    "no JSON": b"no",
    "no text": b"\xff\xfe\x00",
}
HUGE: dict[str, str] = {
    "a header of a megabyte": f"{part({**_HEADER, 'x': 'y' * 1_000_000})}.{part({})}.c2ln",
    "a signature of a megabyte": f"{part(_HEADER)}.{part({})}.{'A' * 1_000_000}",
    "claims of five megabytes": f"{part(_HEADER)}.{part({'x': 'y' * 5_000_000})}.c2ln",
    "a deep header": f"{part(CLAIMS['100 000 objects'])}.{part({})}.c2ln",
    "10 000 dots": "." * 10_000,
    "10 000 parts": ".".join(["e30"] * 10_000),
    "an array for a header": f"{part(b'[]')}.{part({})}.c2ln",
    "no base64": "!!!.???.***",
    "64 kilobytes of nothing": "a" * 65_536,
    **{kind: f"{part(_HEADER)}.{part(claims)}.c2ln" for kind, claims in CLAIMS.items()},
}


@attack("E4")
def test_a_huge_or_deep_message_is_refused_at_once(places: Places) -> None:
    for token in HUGE.values():
        places.refuse(token)
        places.cheap(token)


def published(world: World, algorithm: str) -> tuple[dict[str, Any], RSAKey | ECKey]:
    (found,) = (key for key in HTTP.get(f"{world.base}/oauth/jwks").json()["keys"] if key["alg"] == algorithm)
    return found, (RSAKey if found["kty"] == "RSA" else ECKey).import_key(found)


def sealed(header: dict[str, Any], content: str | bytes, key: RSAKey | ECKey) -> str:
    return jwe.encrypt_compact(header, content, key, algorithms=[header["alg"], header["enc"]])


def unpacking(world: World) -> dict[str, Callable[[], str]]:
    """Encrypted messages that cost much to open: each by what it is, and how it is made."""
    known, key = published(world, "RSA-OAEP-256")

    header = {"alg": "RSA-OAEP-256", "enc": "A256GCM", "kid": known["kid"], "zip": "DEF", "cty": "JWT"}

    def bomb() -> str:
        """Sound encryption to our key, of thirty kilobytes that unpack to thirty megabytes."""
        packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        packed = b"".join(packer.compress(b"0" * 1_000_000) for _ in range(30)) + packer.flush()
        secret, vector, protected = os.urandom(32), os.urandom(12), part(header)
        opened = AESGCM(secret).encrypt(vector, packed, protected.encode())
        hidden = OAEP(MGF1(SHA256()), SHA256(), None)
        sealed_secret = key.get_op_key("encrypt").encrypt(secret, hidden)  # type: ignore[union-attr]
        return ".".join([protected, *map(part, (sealed_secret, vector, opened[:-16], opened[-16:]))])

    def honest() -> str:
        return jwe.encrypt_compact(header, signed({"state": "x"}), key, algorithms=["RSA-OAEP-256", "A256GCM", "DEF"])

    def named(**header: Any) -> Callable[[], str]:
        return lambda: f"{part(header)}.{part(b'x' * 256)}.{part(b'x' * 12)}.{part(b'x' * 64)}.{part(b'x' * 16)}"

    slow = {"enc": "A128CBC-HS256", "p2s": part(b"salt" * 4), "p2c": 2**31 - 1}
    return {
        "a bomb": bomb,
        "compressed": honest,
        **{
            f"{name} with 2^31 rounds": named(alg=name, **slow) for name in ("PBES2-HS256+A128KW", "PBES2-HS512+A256KW")
        },
        "rounds as a text": named(alg="PBES2-HS256+A128KW", **{**slow, "p2c": "9" * 400}),
        "RSA1_5": named(alg="RSA1_5", enc="A128CBC-HS256", kid=known["kid"]),
        "RSA-OAEP with SHA-1": named(alg="RSA-OAEP", enc="A256GCM", kid=known["kid"]),
        "dir": named(alg="dir", enc="A256GCM"),
        "A128KW": named(alg="A128KW", enc="A256GCM"),
        "a point off the curve": named(
            alg="ECDH-ES",
            enc="A256GCM",
            epk={"kty": "EC", "crv": "P-256", "x": part(b"\1" * 32), "y": part(b"\2" * 32)},
        ),
        "no point": named(alg="ECDH-ES", enc="A256GCM"),
        "a point that is a text": named(alg="ECDH-ES", enc="A256GCM", epk="x"),
        "an unknown content encryption": named(alg="RSA-OAEP-256", enc="A512GCM", kid=known["kid"]),
        "an algorithm that is a list": named(alg=["RSA-OAEP-256"], enc="A256GCM"),
    }


@attack("E5")
def test_an_encrypted_message_that_costs_much_to_open_is_refused_unopened(places: Places) -> None:
    made = {kind: make() for kind, make in unpacking(places.world).items()}
    for token in made.values():
        places.refuse(token)
        places.cheap(token)


@attack("E6")
@pytest.mark.parametrize("algorithm", ["RSA-OAEP-256", "ECDH-ES"])
def test_encryption_alone_says_nothing_of_who_sent_it(places: Places, algorithm: str) -> None:
    known, key = published(places.world, algorithm)
    header = {"alg": algorithm, "enc": "A256GCM", "kid": known["kid"]}
    claims = {"state": "inside", "prompt": "none"}
    inside = {
        "unsigned": f"{part({'alg': 'none'})}.{part(claims)}.",
        "plain JSON": json.dumps(claims),
        "signed by somebody": jws.serialize_compact(
            {"alg": "ES256", "kid": "s1"}, json.dumps(claims), ECKey.generate_key("P-256")
        ),
        "encrypted again": sealed(header, signed(claims), key),
        "nothing": "",
        "no text": b"\xff\xfe",
    }
    for kind, content in inside.items():
        for also in ({}, {"cty": "JWT"}):
            token = sealed({**header, **also}, content, key)
            response = HTTP.post(f"{places.world.base}/oauth/authorize", data=places.beside(request=token))
            assert answer(response.headers["location"])["error"] == "invalid_request_object", kind
    sound = sealed({**header, "cty": "JWT"}, signed(claims), key)
    told = answer(places.person.get(places.portal.authorize_url(request=sound)).headers["location"])
    assert (told["state"], "code" in told) == ("inside", True)


@attack("E10")
def test_the_name_of_a_pushed_request_cannot_be_guessed_or_counted(places: Places) -> None:
    names = [places.portal.post("/oauth/par", **places.beside()).json()["request_uri"] for _ in range(20)]
    ids = [name.rpartition(":")[2] for name in names]
    assert len(set(ids)) == len(ids)
    assert all(len(base64.urlsafe_b64decode(one + "==")) >= 16 for one in ids)
    assert len({one[:3] for one in ids}) > 10, "they begin alike"
    near = ids[-1][:-1] + chr(ord(ids[-1][-1]) ^ 1)
    url = places.portal.authorize_url(request_uri=f"urn:ietf:params:oauth:request_uri:{near}")
    assert places.world.person().get(url).status_code == 404


@attack("E13")
def test_a_portal_that_must_sign_has_everything_in_its_object(world: World) -> None:
    """Nothing beside the object counts, so what is missing in it is missing (RFC 9101 6.3)."""
    letter, _ = world.member()
    portal: Portal = world.portal(
        letter, jwks={"keys": [PUBLIC]}, require_signed_request_object=True, require_pkce=False
    )
    person = world.signed_in(letter)
    whole = {"response_type": "code", "redirect_uri": portal.redirect_uri, "scope": "openid", "state": "inside"}

    told = answer(person.get(portal.authorize_url(request=signed(whole))).headers["location"])
    assert (told["state"], "code" in told) == ("inside", True)
    for name in ("response_type", "redirect_uri", "scope"):
        lacking = {key: value for key, value in whole.items() if key != name}
        response = person.get(portal.authorize_url(request=signed(lacking)))
        if name == "redirect_uri":
            assert (response.status_code, "location" in response.headers) == (400, False)
        else:
            assert "code" not in answer(response.headers["location"])
