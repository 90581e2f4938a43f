"""Claims asked for by name (OIDC Core 5.5), subjects of one sector (8.1), and forms of userinfo and tokens."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from joserfc import jwe, jws
from joserfc.jwk import ECKey, RSAKey
from sqlalchemy import update

from idp.accounts.tables import ProvisionalAccount
from idp.cli.clients.defaults import NEW
from idp.digests import Digests
from idp.oidc.authorize import claims_request
from idp.oidc.protocol import ACR, ProtocolError
from idp.oidc.subjects import subject
from tests.support.world import HTTP, World, answer, claims


@pytest.fixture
def member(world: World):
    agency = world.agency()
    letter, account_id = world.member(agency)
    return world.signed_in(letter), account_id, agency


def tokens_of(person: Any, portal: Any, **asked: str | None) -> dict[str, Any]:
    return portal.redeem(person.get(portal.authorize_url(**asked)).headers["location"]).json()  # type: ignore[no-any-return]


def test_a_claim_asked_for_at_userinfo_is_there_without_its_scope(world: World, member) -> None:
    person, _, agency = member
    portal = world.portal(agency)
    asked = json.dumps({"userinfo": {"name": {"essential": True}, "unknown": None}})
    tokens = tokens_of(person, portal, scope="openid", claims=asked)
    told = portal.userinfo(tokens["access_token"]).json()
    assert told["name"]
    assert "email" not in told
    assert "name" not in claims(tokens["id_token"])


@pytest.mark.parametrize("display", ["page", "popup", "touch", "wap", "of our own"])
def test_no_display_and_no_language_of_claims_ends_in_an_error(world: World, member, display: str) -> None:
    """Support at least so far is mandatory (OIDC Core 15.1)."""
    person, _, agency = member
    portal = world.portal(agency)
    tokens = tokens_of(person, portal, scope="openid profile", display=display, claims_locales="br-FR en")
    assert portal.userinfo(tokens["access_token"]).json()["name"]


def test_updated_at_is_when_the_agency_last_told_something_new_of_the_person(world: World) -> None:
    """Whole seconds (OIDC Core 5.1), by the scope or by name; a portal need not read again what it has."""
    letter, _ = world.member()
    portal = world.portal(letter)
    changed = datetime(2031, 5, 4, 12, 30, 15, 900_000, tzinfo=UTC)
    with world.transaction() as db:
        db.execute(
            update(ProvisionalAccount)
            .where(ProvisionalAccount.identifier == letter.identifier)
            .values(updated_at=changed)
        )
    person = world.signed_in(letter)
    asked = json.dumps({"userinfo": {"updated_at": None}})
    by_scope, by_name, without = (
        portal.userinfo(tokens_of(person, portal, **given)["access_token"]).json()
        for given in ({"scope": "openid profile"}, {"scope": "openid", "claims": asked}, {"scope": "openid"})
    )
    assert by_scope["updated_at"] == by_name["updated_at"] == int(changed.timestamp())
    assert "updated_at" not in without


def test_a_claim_asked_for_in_the_id_token_is_in_it_after_a_refresh_too(world: World, member) -> None:
    person, _, agency = member
    portal = world.portal(agency)
    asked = json.dumps({"id_token": {"email": None}})
    tokens = tokens_of(person, portal, scope="openid offline_access", claims=asked)
    assert "email" in claims(tokens["id_token"])
    assert "email" in claims(portal.refresh(tokens["refresh_token"]).json()["id_token"])
    assert "email" not in portal.userinfo(tokens["access_token"]).json()


def test_asking_for_one_person_is_never_answered_with_another(world: World, member) -> None:
    person, account_id, agency = member
    portal = world.portal(agency)
    mine, other = (json.dumps({"id_token": {"sub": {"value": who}}}) for who in (account_id, "somebody-else"))
    assert "code" in answer(person.get(portal.authorize_url(claims=mine, prompt="none")).headers["location"])
    told = answer(person.get(portal.authorize_url(claims=other, prompt="none")).headers["location"])
    assert told["error"] == "login_required"


@pytest.mark.parametrize(
    ("said", "reached"),
    [
        ({"values": ["9", ACR]}, True),
        ({"value": ACR, "essential": True}, True),
        ({"values": [ACR], "essential": True}, True),
        ({"value": "9"}, True),
        ({"values": ["8", "9"]}, True),
        (None, True),
        ({"value": "9", "essential": True}, False),
        ({"values": ["8", "9"], "essential": True}, False),
        ({"values": [], "essential": True}, True),
        ({"values": [1], "essential": True}, False),
    ],
    ids=str,
)
def test_an_acr_that_must_be_is_or_the_request_fails(world: World, member, said: Any, reached: bool) -> None:
    """OIDC Core 5.5.1.1: a voluntary one that is not reached changes nothing, an essential one must be."""
    person, _, agency = member
    portal = world.portal(agency)
    response = person.get(portal.authorize_url(claims=json.dumps({"id_token": {"acr": said}})))
    told = answer(response.headers["location"])
    if reached:
        assert claims(portal.redeem(response.headers["location"]).json()["id_token"])["acr"] == ACR
    else:
        assert (told["error"], "code" in told) == ("unmet_authentication_requirements", False)


def test_the_time_of_sign_in_and_values_of_ordinary_claims_may_be_asked_for(world: World, member) -> None:
    """`value` of a claim that is no identity is a wish: what is known is told, never what was wished for."""
    person, _, agency = member
    portal = world.portal(agency)
    asked = {
        "id_token": {"auth_time": {"essential": True}, "email": {"value": "autre@exemple.org"}},
        "userinfo": {"phone_number": {"essential": True, "values": ["+33000000000"]}},
    }
    tokens = tokens_of(person, portal, scope="openid", claims=json.dumps(asked))
    assert isinstance(claims(tokens["id_token"])["auth_time"], int)
    assert claims(tokens["id_token"])["email"] != "autre@exemple.org"
    assert portal.userinfo(tokens["access_token"]).json()["phone_number"] == "+33195797853"


@pytest.mark.parametrize(
    "text",
    [
        "null",
        "[]",
        '"x"',
        "{",
        "NaN",
        '{"id_token": []}',
        '{"userinfo": {"name": "x"}}',
        '{"id_token":' * 300 + "{}" + "}" * 300,
        '{"id_token": {"name": {"values": [' + "[" * 6 + "]" * 6 + "]}}}",
        '{"a": "' + "x" * 9000 + '"}',
    ],
    ids=range(10),
)
def test_what_is_no_claims_request_is_refused_quickly(text: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        claims_request.parse(text)
    assert caught.value.error == "invalid_request"


def test_values_that_are_no_texts_fit_nobody() -> None:
    asked = claims_request.parse('{"id_token": {"sub": {"value": 17}}}')
    assert asked.subjects == ("",)


# --- pairwise --------------------------------------------------------------------------------------------------------


def test_a_pairwise_subject_is_the_same_in_a_sector_and_another_elsewhere() -> None:
    digests = Digests("a master secret of thirty-two characters")
    one = replace(NEW, subject_type="pairwise", redirect_uris=("https://a.example/1",))
    same = replace(one, id="other", redirect_uris=("https://a.example/2",))
    elsewhere = replace(one, redirect_uris=("https://b.example/1",))
    gathered = replace(elsewhere, sector_identifier_uri="https://a.example/sector.json")
    account = "account-1"
    assert subject(digests, one, account) == subject(digests, same, account) == subject(digests, gathered, account)
    assert subject(digests, one, account) not in (account, subject(digests, elsewhere, account))
    assert subject(digests, one, "account-2") != subject(digests, one, account)


def test_every_place_tells_the_pairwise_subject(world: World, member) -> None:
    person, account_id, agency = member
    portal = world.portal(agency, subject_type="pairwise")
    tokens = tokens_of(person, portal)
    name = claims(tokens["id_token"])["sub"]
    assert name != account_id
    assert claims(tokens["access_token"])["sub"] == name
    assert portal.userinfo(tokens["access_token"]).json()["sub"] == name
    assert portal.post("/oauth/introspect", token=tokens["access_token"]).json()["sub"] == name
    assert portal.post("/oauth/introspect", token=tokens["refresh_token"]).json()["sub"] == name
    hinted = portal.authorize_url(prompt="none", id_token_hint=tokens["id_token"])
    assert "code" in answer(person.get(hinted).headers["location"])


# --- signed and encrypted ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
def test_id_tokens_are_signed_as_registered(world: World, member, algorithm: str) -> None:
    person, _, agency = member
    portal = world.portal(agency, id_token_signed_response_alg=algorithm)
    token = tokens_of(person, portal)["id_token"]
    header = jws.extract_compact(token.encode()).headers()
    published = {key["kid"]: key for key in HTTP.get(f"{world.base}/oauth/jwks").json()["keys"]}
    assert header["alg"] == algorithm == published[header["kid"]]["alg"]


def test_an_unsigned_id_token_goes_to_whoever_registered_that_and_is_no_hint(world: World, member) -> None:
    person, account_id, agency = member
    portal = world.portal(agency, id_token_signed_response_alg="none")
    token = tokens_of(person, portal)["id_token"]
    assert token.endswith(".")
    assert claims(token)["sub"] == account_id
    location = person.get(portal.authorize_url(id_token_hint=token)).headers["location"]
    assert answer(location)["error"] == "invalid_request"


@pytest.mark.parametrize("algorithm", ["RSA-OAEP-256", "ECDH-ES"])
def test_id_token_and_userinfo_are_encrypted_for_the_portal(world: World, member, algorithm: str) -> None:
    person, account_id, agency = member
    key = RSAKey.generate_key(2048) if algorithm.startswith("RSA") else ECKey.generate_key("P-256")
    public = {**key.as_dict(private=False), "use": "enc", "kid": "enc-1"}
    portal = world.portal(
        agency,
        jwks={"keys": [public]},
        id_token_encrypted_response_alg=algorithm,
        userinfo_encrypted_response_alg=algorithm,
        userinfo_encrypted_response_enc="A256GCM",
        userinfo_signed_response_alg="ES256",
    )
    tokens = tokens_of(person, portal)

    def opened(token: str) -> dict[str, Any]:
        plain = jwe.decrypt_compact(token, key, algorithms=[algorithm, "A128CBC-HS256", "A256GCM"]).plaintext
        assert plain is not None
        return claims(plain.decode())

    assert opened(tokens["id_token"])["sub"] == account_id
    told = portal.userinfo(tokens["access_token"])
    assert told.headers["content-type"].startswith("application/jwt")
    assert opened(told.text) | {"sub": account_id, "iss": world.base, "aud": portal.client_id} == opened(told.text)


def test_a_portal_without_its_key_is_told_nothing_in_clear(world: World, member) -> None:
    person, _, agency = member
    other = {**ECKey.generate_key("P-256").as_dict(private=False), "use": "sig"}
    portal = world.portal(agency, jwks={"keys": [other]}, id_token_encrypted_response_alg="RSA-OAEP-256")
    response = portal.redeem(person.get(portal.authorize_url()).headers["location"])
    assert response.status_code == 503
    assert response.json()["error"] == "server_error"


def test_signed_userinfo_names_issuer_and_audience_and_no_nonce(world: World, member) -> None:
    person, account_id, agency = member
    portal = world.portal(agency, userinfo_signed_response_alg="RS256")
    told = portal.userinfo(tokens_of(person, portal)["access_token"])
    assert told.headers["content-type"].startswith("application/jwt")
    body = claims(told.text)
    assert (body["iss"], body["aud"], body["sub"]) == (world.base, portal.client_id, account_id)
    assert "nonce" not in body
