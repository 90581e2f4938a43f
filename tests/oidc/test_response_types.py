"""What is answered, and where: every response type in every response mode (OIDC Core 3.2, 3.3; Form Post)."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from idp.cli.clients.defaults import NEW
from idp.oidc.authorize import checks
from idp.oidc.protocol import ProtocolError
from tests.attacks import attack
from tests.support.world import STRONG, Portal, World, answer, claims

FRONT = ("id_token", "id_token token", "code id_token", "code token", "code id_token token")
ALL = ("code", *FRONT)


@pytest.fixture
def member(world: World):
    """A person who is signed in, and a portal that may ask for every response type."""
    agency = world.agency()
    letter, account_id = world.member(agency)
    portal = world.portal(
        agency, response_types=ALL, grant_types=("authorization_code", "refresh_token", "implicit"), require_pkce=False
    )
    return world.signed_in(letter), account_id, portal


def half(value: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(value.encode()).digest()[:16]).rstrip(b"=").decode()


@pytest.mark.parametrize("response_type", ALL)
@pytest.mark.parametrize("mode", [None, "fragment", "form_post"])
def test_each_part_of_the_response_type_is_answered_and_nothing_else(
    world: World, member, response_type: str, mode: str | None
) -> None:
    person, account_id, portal = member
    kinds = response_type.split()
    url = portal.authorize_url(response_type=response_type, response_mode=mode)
    if mode == "form_post":
        page = person.open(url)
        form = page.forms[0]
        assert form.action == portal.redirect_uri
        assert form.method == "post"
        told = form.fields
        assert page.path == "/oauth/authorize"
    else:
        response = person.get(url)
        parts = urlsplit(response.headers["location"])
        assert bool(parts.fragment) == (mode == "fragment" or kinds != ["code"])
        assert bool(parts.query) != bool(parts.fragment)
        told = answer(response.headers["location"])
    expected = {"state", "iss"} | ({"code"} & set(kinds)) | ({"id_token"} & set(kinds))
    if "token" in kinds:
        expected |= {"access_token", "token_type", "expires_in", "scope"}
    assert set(told) == expected
    if "id_token" in kinds:
        identity = claims(told["id_token"])
        assert (identity["sub"], identity["nonce"], identity["aud"]) == (account_id, "the-nonce", portal.client_id)
        assert ("at_hash" in identity) == ("token" in kinds)
        assert ("c_hash" in identity) == ("code" in kinds)
        if "token" in kinds:
            assert identity["at_hash"] == half(told["access_token"])
        if "code" in kinds:
            assert identity["c_hash"] == half(told["code"])
    if "token" in kinds:
        assert portal.userinfo(told["access_token"]).json()["sub"] == account_id
    if "code" in kinds:
        tokens = portal.token(
            grant_type="authorization_code",
            code=told["code"],
            redirect_uri=portal.redirect_uri,
            code_verifier=portal.verifier,
        ).json()
        assert claims(tokens["id_token"])["sub"] == account_id


@pytest.mark.parametrize("response_type", FRONT)
@attack("A17")
def test_tokens_are_never_put_into_a_query(world: World, member, response_type: str) -> None:
    person, _, portal = member
    location = person.get(portal.authorize_url(response_type=response_type, response_mode="query")).headers["location"]
    assert not urlsplit(location).query
    assert answer(location)["error"] == "invalid_request"


@pytest.mark.parametrize("response_type", [kind for kind in FRONT if "id_token" in kind])
def test_an_id_token_from_the_authorization_endpoint_needs_a_nonce(world: World, member, response_type: str) -> None:
    person, _, portal = member
    location = person.get(portal.authorize_url(response_type=response_type, nonce=None)).headers["location"]
    assert answer(location)["error"] == "invalid_request"
    assert "nonce" in answer(location)["error_description"]


@pytest.mark.parametrize("response_type", ["code", "code token"])
def test_without_an_id_token_in_front_no_nonce_is_needed_and_none_is_made_up(
    world: World, member, response_type: str
) -> None:
    person, _, portal = member
    location = person.get(portal.authorize_url(response_type=response_type, nonce=None)).headers["location"]
    tokens = portal.redeem(location).json()
    assert "nonce" not in claims(tokens["id_token"])


def test_the_words_of_a_response_type_come_in_any_order(world: World, member) -> None:
    person, _, portal = member
    location = person.get(portal.authorize_url(response_type="token code id_token")).headers["location"]
    assert {"code", "id_token", "access_token"} <= set(answer(location))


def test_an_id_token_that_comes_alone_holds_the_claims_of_its_scope(world: World, member) -> None:
    person, _, portal = member
    location = person.get(portal.authorize_url(response_type="id_token", scope="openid email")).headers["location"]
    identity = claims(answer(location)["id_token"])
    assert identity["email_verified"] is True
    beside = person.get(portal.authorize_url(response_type="id_token token", scope="openid email")).headers["location"]
    assert "email" not in claims(answer(beside)["id_token"])


def test_access_while_away_is_not_granted_without_a_code(world: World, member) -> None:
    person, _, portal = member
    location = person.get(portal.authorize_url(response_type="id_token token")).headers["location"]
    assert "offline_access" not in answer(location)["scope"]


def test_errors_go_where_the_answer_would(world: World, member) -> None:
    _, _, portal = member
    stranger = world.person()
    url = portal.authorize_url(prompt="none", response_mode="form_post")
    told = stranger.open(url).forms[0].fields
    assert (told["error"], told["state"], told["iss"]) == ("login_required", "the-state", world.base)
    location = stranger.get(portal.authorize_url(prompt="none", response_type="id_token")).headers["location"]
    assert not urlsplit(location).query
    assert answer(location)["error"] == "login_required"


@attack("M2")
def test_a_posted_answer_follows_signing_in_and_escapes_what_the_portal_sent(world: World) -> None:
    agency = world.agency()
    letter, _ = world.member(agency)
    portal = world.portal(agency)
    person = world.person()
    state = '"><script>alert(1)</script>é'
    person.open(portal.authorize_url(response_mode="form_post", state=state))
    page = person.submit(identifier=letter.email, password=STRONG)
    assert page.forms[0].fields["state"] == state
    assert "<script>alert" not in page.html
    assert portal.redirect_uri.split("/retour")[0] in page.response.headers["content-security-policy"]


def test_the_setting_takes_the_front_channel_away_even_from_those_who_registered_it() -> None:
    client = replace(NEW, response_types=ALL, grant_types=("authorization_code", "implicit"))
    for kind in FRONT:
        asked = checks.gather([("response_type", kind)], implicit_allowed=False)
        assert asked.response_mode == "query"  # where an error is told, and no token
        with pytest.raises(ProtocolError) as refused:
            checks.response_type_is_registered(asked, client)
        assert refused.value.error == "unsupported_response_type"


def test_the_page_that_posts_has_a_button_for_browsers_without_script(world: World, member) -> None:
    person, _, portal = member
    page = person.open(portal.authorize_url(response_mode="form_post"))
    assert page.forms[0].buttons


@attack("A17")
def test_a_portal_that_registered_only_the_code_gets_nothing_else(world: World, member) -> None:
    person, _, _ = member
    portal: Portal = world.portal(None)
    for kind in FRONT:
        told = answer(person.get(portal.authorize_url(response_type=kind)).headers["location"])
        assert told["error"] == "unauthorized_client"
