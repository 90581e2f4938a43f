"""Access tokens: opaque ones (RFC 6749 1.4), audiences (RFC 8707), and introspection as a JWT (RFC 9701)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from joserfc import jwe, jws
from joserfc.jwk import ECKey, KeySet, RSAKey
from sqlalchemy import select

from idp.oidc.jose import Signatures
from idp.oidc.token.genuine import MOST, Genuine, Remembered
from idp.oidc.token.tables import AccessToken
from tests.attacks import attack
from tests.support.world import HTTP, World, answer, claims

API, OTHER = "https://api.exemple.fr/", "https://autre.exemple.fr/"


@pytest.fixture
def member(world: World):
    agency = world.agency()
    letter, account_id = world.member(agency)
    return world.signed_in(letter), account_id, agency


def asked(person: Any, portal: Any, *resources: str) -> dict[str, str]:
    url = portal.authorize_url() + "".join(f"&resource={one}" for one in resources)
    return answer(person.get(url).headers["location"])


def redeemed(portal: Any, code: str, *resources: str) -> Any:
    pairs = [
        *(("resource", one) for one in resources),
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", portal.redirect_uri),
        ("code_verifier", portal.verifier),
    ]
    return HTTP.post(
        f"{portal.base}/oauth/token",
        content=urlencode(pairs),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        auth=(portal.client_id, portal.secret),
    )


def test_an_opaque_token_works_like_a_signed_one_and_is_stored_only_as_a_digest(world: World, member) -> None:
    person, account_id, agency = member
    portal = world.portal(agency, access_token_format="opaque")
    token = redeemed(portal, asked(person, portal)["code"]).json()["access_token"]
    assert token.startswith("at_")
    assert "." not in token
    assert portal.userinfo(token).json()["sub"] == account_id
    told = portal.post("/oauth/introspect", token=token).json()
    assert (told["active"], told["sub"], told["iss"]) == (True, account_id, world.base)
    with world.transaction() as db:
        stored = db.execute(select(AccessToken)).all()
    assert stored
    assert token not in str([vars(row[0]) for row in stored])


def test_revoking_an_opaque_token_ends_its_grant(world: World, member) -> None:
    person, _, agency = member
    portal = world.portal(agency, access_token_format="opaque")
    tokens = redeemed(portal, asked(person, portal)["code"]).json()
    portal.post("/oauth/revoke", token=tokens["access_token"])
    assert portal.userinfo(tokens["access_token"]).status_code == 401
    assert portal.refresh(tokens["refresh_token"]).status_code == 400


def test_an_opaque_token_of_the_portal_itself_can_be_revoked(world: World, member) -> None:
    _, _, agency = member
    portal = world.portal(agency, access_token_format="opaque")
    token = portal.token(grant_type="client_credentials").json()["access_token"]
    assert portal.post("/oauth/introspect", token=token).json()["active"]
    portal.post("/oauth/revoke", token=token)
    assert portal.post("/oauth/introspect", token=token).json() == {"active": False}


def test_a_token_that_was_read_before_expires_and_is_revoked_like_any_other(world: World, member) -> None:
    person, _, agency = member
    portal = world.portal(agency)
    first, second = (redeemed(portal, asked(person, portal)["code"]).json()["access_token"] for _ in range(2))
    assert [portal.userinfo(token).status_code for token in (first, first, second)] == [200, 200, 200]
    portal.post("/oauth/revoke", token=first)
    assert [portal.userinfo(token).status_code for token in (first, second)] == [401, 200]
    world.clock.advance(minutes=11)
    assert portal.userinfo(second).status_code == 401


def test_another_signature_under_a_token_that_was_read_before_is_refused(world: World, member) -> None:
    person, _, agency = member
    portal = world.portal(agency)
    token = redeemed(portal, asked(person, portal)["code"]).json()["access_token"]
    assert portal.userinfo(token).status_code == 200
    signed, _, signature = token.rpartition(".")
    assert portal.userinfo(f"{signed}.{signature[::-1]}").status_code == 401
    assert portal.userinfo(f"{signed}.").status_code == 401


def test_only_so_many_genuine_tokens_are_remembered_and_nothing_of_their_text() -> None:
    remembered, genuine = Remembered(), Genuine(key=None, kind="at+jwt", claims={})  # type: ignore[arg-type]
    for number in range(MOST + 10):
        remembered.put(f"token-{number}", genuine)
    assert len(remembered) == MOST
    assert remembered.get("token-9") is None, "the oldest went first"
    assert remembered.get(f"token-{MOST + 9}") is genuine
    assert "token-" not in str(vars(remembered))


def test_an_opaque_token_expires(world: World, member) -> None:
    _, _, agency = member
    portal = world.portal(agency, access_token_format="opaque")
    token = portal.token(grant_type="client_credentials").json()["access_token"]
    world.clock.advance(minutes=11)
    assert portal.post("/oauth/introspect", token=token).json() == {"active": False}


@attack("C13")
def test_a_token_is_for_the_audience_that_was_asked_and_for_no_other(world: World, member) -> None:
    person, _, agency = member
    portal = world.portal(agency, resources=(API, OTHER))
    tokens = redeemed(portal, asked(person, portal, API, OTHER)["code"], API).json()
    assert claims(tokens["access_token"])["aud"] == API
    assert portal.userinfo(tokens["access_token"]).status_code == 401
    both = portal.refresh(tokens["refresh_token"]).json()
    assert claims(both["access_token"])["aud"] == [API, OTHER]


def test_without_a_resource_the_audience_is_the_provider(world: World, member) -> None:
    person, _, agency = member
    portal = world.portal(agency, resources=(API,))
    tokens = redeemed(portal, asked(person, portal)["code"]).json()
    assert claims(tokens["access_token"])["aud"] == world.base


def test_a_resource_that_was_not_registered_or_not_granted_is_refused(world: World, member) -> None:
    person, _, agency = member
    portal = world.portal(agency, resources=(API, OTHER))
    assert asked(person, portal, "https://elsewhere.example/")["error"] == "invalid_target"
    code = asked(person, portal, API)["code"]
    refused = redeemed(portal, code, OTHER)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_target")
    assert redeemed(portal, code, API).status_code == 200


def test_a_portal_gets_a_token_of_its_own_for_a_resource(world: World, member) -> None:
    _, _, agency = member
    portal = world.portal(agency, resources=(API,))
    token = portal.token(grant_type="client_credentials", resource=API).json()["access_token"]
    assert claims(token)["aud"] == API
    refused = portal.token(grant_type="client_credentials", resource=OTHER)
    assert refused.json()["error"] == "invalid_target"


def test_introspection_answers_a_signed_jwt_to_whoever_asks_for_one(world: World, member) -> None:
    person, account_id, agency = member
    portal = world.portal(agency)
    token = redeemed(portal, asked(person, portal)["code"]).json()["access_token"]
    told = HTTP.post(
        f"{world.base}/oauth/introspect",
        data={"token": token},
        auth=(portal.client_id, portal.secret or ""),
        headers={"Accept": "application/token-introspection+jwt"},
    )
    assert told.headers["content-type"].startswith("application/token-introspection+jwt")
    body = claims(told.text)
    assert (body["iss"], body["aud"]) == (world.base, portal.client_id)
    assert body["token_introspection"]["sub"] == account_id
    assert "sub" not in body


def introspected(portal: Any, token: str, accept: str = "application/token-introspection+jwt") -> Any:
    return HTTP.post(
        f"{portal.base}/oauth/introspect",
        data={"token": token},
        auth=(portal.client_id, portal.secret or ""),
        headers={"Accept": accept},
    )


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
def test_introspection_is_signed_as_registered_and_says_what_it_is(world: World, member, algorithm: str) -> None:
    _, _, agency = member
    portal = world.portal(agency, introspection_signed_response_alg=algorithm)
    keys = KeySet.import_key_set(HTTP.get(f"{world.base}/oauth/jwks").json())
    for token in (portal.token(grant_type="client_credentials").json()["access_token"], "unknown"):
        told = introspected(portal, token)
        found = jws.deserialize_compact(told.text, keys, registry=Signatures([algorithm]))
        assert (found.headers()["alg"], found.headers()["typ"]) == (algorithm, "token-introspection+jwt")
        assert claims(told.text)["token_introspection"]["active"] is (token != "unknown")
        assert told.headers["cache-control"] == "no-store"
    # Its type keeps it from being taken for anything else of ours (RFC 9701 8.1).
    assert portal.userinfo(told.text).status_code == 401


@pytest.mark.parametrize("algorithm", ["RSA-OAEP-256", "ECDH-ES"])
def test_introspection_is_encrypted_for_the_portal_that_registered_so(world: World, member, algorithm: str) -> None:
    _, _, agency = member
    key = RSAKey.generate_key(2048) if algorithm.startswith("RSA") else ECKey.generate_key("P-256")
    portal = world.portal(
        agency,
        jwks={"keys": [{**key.as_dict(private=False), "use": "enc", "kid": "enc-1"}]},
        introspection_encrypted_response_alg=algorithm,
        introspection_encrypted_response_enc="A256GCM",
    )
    token = portal.token(grant_type="client_credentials").json()["access_token"]
    told = introspected(portal, token)
    opened = jwe.decrypt_compact(told.text, key, algorithms=[algorithm, "A256GCM"])
    assert (opened.headers()["kid"], opened.headers()["cty"]) == ("enc-1", "JWT")
    assert claims((opened.plaintext or b"").decode())["token_introspection"]["active"] is True


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/json", "application/json"),
        ("*/*", "application/json"),
        ("application/token-introspection+jwt, application/json;q=0.5", "application/token-introspection+jwt"),
        ("", "application/json"),
    ],
)
def test_introspection_is_a_jwt_only_for_whoever_asks_for_one(world: World, member, accept: str, kind: str) -> None:
    _, _, agency = member
    told = introspected(world.portal(agency), "unknown", accept)
    assert told.headers["content-type"].startswith(kind)
