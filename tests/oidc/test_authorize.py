"""The authorization endpoint: who is answered, where, with what (OIDC Core 3.1.2; RFC 9700; RFC 9207)."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from idp.oidc.registration import store
from idp.oidc.registration.tables import Client
from tests.attacks import attack
from tests.support.world import STRONG, Portal, World, answer, claims


@pytest.fixture
def member(world: World):
    """A person whose account is up to date, with a portal of the same agency."""
    agency = world.agency()
    letter, account_id = world.member(agency)
    return letter, account_id, world.portal(agency), agency


def test_a_signed_in_person_is_answered_at_once_with_code_state_and_issuer(world: World, member) -> None:
    letter, _, portal, _ = member
    person = world.signed_in(letter)
    person.open(portal.authorize_url())
    told = answer(person.sent_to)
    assert person.sent_to.startswith(portal.redirect_uri + "?")
    assert told["state"] == "the-state"
    assert told["iss"] == world.base
    assert set(told) == {"code", "state", "iss"}


def test_a_stranger_signs_in_and_goes_on_to_the_portal(world: World, member) -> None:
    letter, account_id, portal, agency = member
    person = world.person()
    page = person.open(portal.authorize_url())
    assert page.path == "/login"
    assert agency.name in page.text
    person.submit(identifier=letter.email, password=STRONG)
    tokens = portal.redeem(person.sent_to).json()
    assert claims(tokens["id_token"])["sub"] == account_id


def test_the_redirect_uri_with_a_query_keeps_it(world: World, member) -> None:
    letter, _, _, agency = member
    portal = world.portal(agency, redirect_uris=("https://portail.exemple.fr/retour?espace=1",))
    person = world.signed_in(letter)
    person.open(portal.authorize_url())
    assert person.sent_to.startswith("https://portail.exemple.fr/retour?espace=1&code=")


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "nobody"},
        {"client_id": None},
        {"redirect_uri": "https://evil.example/cb"},
        {"redirect_uri": None},
        {"redirect_uri": ""},
    ],
    ids=str,
)
@pytest.mark.parametrize("also", [{}, {"response_type": "bogus"}, {"scope": None}, {"prompt": "none"}], ids=str)
@attack("A12", "A14")
def test_an_untrusted_request_is_shown_and_never_redirected(world: World, member, changed, also) -> None:
    _, _, portal, _ = member
    response = world.person().get(portal.authorize_url(**changed, **also))
    assert response.status_code == 400
    assert "location" not in response.headers
    assert "OID-0" in response.text


@pytest.mark.parametrize(
    "tail",
    ["/", "/../evil", "/..;/evil", "?x=1", "#frag", "%23", "?", " ", "%00", ".evil.tld", "\\", "@evil.tld"],
)
@attack("A1", "A9")
def test_redirect_uris_match_character_by_character(world: World, member, tail: str) -> None:
    _, _, portal, _ = member
    response = world.person().get(portal.authorize_url(redirect_uri=portal.redirect_uri + tail))
    assert response.status_code == 400


@attack("A8")
def test_a_native_application_may_use_any_port_of_its_loopback_address_and_nothing_else(world: World, member) -> None:
    letter, _, _, agency = member
    portal = world.portal(
        agency,
        application_type="native",
        token_endpoint_auth_method="none",
        grant_types=("authorization_code",),
        redirect_uris=("http://127.0.0.1/cb",),
    )
    person = world.signed_in(letter)
    for port in ("1", "65535"):
        response = person.get(portal.authorize_url(redirect_uri=f"http://127.0.0.1:{port}/cb"))
        assert response.headers["location"].startswith(f"http://127.0.0.1:{port}/cb?code=")
    for other in (
        "http://127.0.0.1.evil.tld:80/cb",
        "http://127.0.0.1:80/other",
        "http://localhost:9/cb",
        "http://[::1]:9/cb",
    ):
        assert person.get(portal.authorize_url(redirect_uri=other)).status_code == 400


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code token"}, "unauthorized_client"),
        ({"response_type": "code code"}, "unsupported_response_type"),
        ({"response_type": "none"}, "unsupported_response_type"),
        ({"response_type": "CODE"}, "unsupported_response_type"),
        ({"response_type": None}, "invalid_request"),
        ({"response_mode": 'bogus"é'}, "invalid_request"),
        ({"scope": "nothing"}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "openid \x00"}, "invalid_scope"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": "s256"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": "x"}, "invalid_request"),
        ({"code_challenge": "x" * 42}, "invalid_request"),
        ({"code_challenge": "x" * 44}, "invalid_request"),
        ({"code_challenge": "+" * 43}, "invalid_request"),
        ({"prompt": "bogus"}, "invalid_request"),
        ({"prompt": "NONE"}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "1e3"}, "invalid_request"),
        ({"request": "eyJ"}, "invalid_request_object"),
        ({"request_uri": "https://rp.example/r"}, "invalid_request_uri"),
        ({"request": "eyJ", "request_uri": "https://rp.example/r"}, "invalid_request"),
        ({"claims": "[]"}, "invalid_request"),
        ({"claims": "{" * 3000}, "invalid_request"),
        ({"claims": '{"id_token":{"name":1}}'}, "invalid_request"),
        ({"claims": '{"id_token":{"acr":{"essential":true,"values":["9"]}}}'}, "unmet_authentication_requirements"),
        ({"resource": "https://elsewhere.example/"}, "invalid_target"),
        ({"registration": "{}"}, "registration_not_supported"),
        ({"id_token_hint": "forged"}, "invalid_request"),
        ({"client": "NOPE", "societe": "NOPE"}, "invalid_request"),
        ({"nonce": "n" * 5000}, "invalid_request"),
    ],
    ids=str,
)
@attack("A17", "A18", "B8", "B9")
def test_a_trusted_request_that_is_wrong_is_told_at_the_portal(world: World, member, changed, error: str) -> None:
    _, _, portal, _ = member
    response = world.person().get(portal.authorize_url(**changed))
    told = answer(response.headers["location"])
    assert response.headers["location"].startswith(portal.redirect_uri)
    assert (told["error"], told["state"], told["iss"]) == (error, "the-state", world.base)
    assert "code" not in told


@pytest.mark.parametrize("name", ["scope", "state", "nonce", "response_type", "code_challenge", "prompt", "foo"])
@attack("A13")
def test_a_parameter_given_twice_is_refused(world: World, member, name: str) -> None:
    _, _, portal, _ = member
    response = world.person().get(portal.authorize_url(prompt="none", foo="1") + f"&{name}=again")
    assert answer(response.headers["location"])["error"] == "invalid_request"


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
@attack("A13")
def test_client_and_redirect_uri_given_twice_are_shown(world: World, member, name: str) -> None:
    _, _, portal, _ = member
    response = world.person().get(portal.authorize_url() + f"&{name}=https://evil.example")
    assert response.status_code == 400


@pytest.mark.parametrize(
    "state", ['"><script>alert(1)</script>', "é€😀", "a b&c=d%20", "x" * 384, "%0d%0aSet-Cookie:x=1"]
)
@attack("A22")
def test_state_comes_back_exactly(world: World, member, state: str) -> None:
    letter, _, portal, _ = member
    response = world.signed_in(letter).get(portal.authorize_url(state=state))
    assert answer(response.headers["location"])["state"] == state
    assert "set-cookie" not in response.headers


def test_unknown_parameters_are_ignored(world: World, member) -> None:
    letter, _, portal, _ = member
    response = world.signed_in(letter).get(portal.authorize_url(extra="foobar"))
    assert "code" in answer(response.headers["location"])


# --- prompt, max_age, hints ------------------------------------------------------------------------------------------


@attack("A19")
def test_prompt_none_without_a_sign_in_is_login_required(world: World, member) -> None:
    _, _, portal, _ = member
    response = world.person().get(portal.authorize_url(prompt="none"))
    told = answer(response.headers["location"])
    assert (told["error"], told["state"], told["iss"]) == ("login_required", "the-state", world.base)


@attack("A19")
def test_prompt_none_with_a_sign_in_is_answered_without_a_page(world: World, member) -> None:
    letter, _, portal, _ = member
    response = world.signed_in(letter).get(portal.authorize_url(prompt="none"))
    assert "code" in answer(response.headers["location"])


def test_prompt_create_leads_to_the_letter_even_somebody_who_is_signed_in(world: World, member) -> None:
    letter, _, portal, agency = member
    for person in (world.person(), world.signed_in(letter)):
        page = person.open(portal.authorize_url(prompt="create"))
        assert page.path == "/login/provisional"
        assert agency.name in page.text


def test_prompt_login_asks_again_and_auth_time_is_later(world: World, member) -> None:
    letter, _, portal, _ = member
    person = world.signed_in(letter)
    person.open(portal.authorize_url())
    first = claims(portal.redeem(person.sent_to).json()["id_token"])["auth_time"]
    world.clock.advance(seconds=5)
    page = person.open(portal.authorize_url(prompt="login"))
    assert page.path == "/login"
    person.submit(identifier=letter.email, password=STRONG)
    assert claims(portal.redeem(person.sent_to).json()["id_token"])["auth_time"] >= first + 5


def test_max_age_asks_again_once_the_sign_in_is_older(world: World, member) -> None:
    letter, _, portal, _ = member
    person = world.signed_in(letter)
    assert "code" in answer(person.get(portal.authorize_url(max_age="60")).headers["location"])
    world.clock.advance(seconds=61)
    assert person.open(portal.authorize_url(max_age="60")).path == "/login"
    person.submit(identifier=letter.email, password=STRONG)
    assert "code" in answer(person.sent_to)


def test_max_age_zero_is_a_new_sign_in(world: World, member) -> None:
    letter, _, portal, _ = member
    assert world.signed_in(letter).open(portal.authorize_url(max_age="0")).path == "/login"


def test_login_hint_fills_the_identifier_in(world: World, member) -> None:
    _, _, portal, _ = member
    page = world.person().open(portal.authorize_url(login_hint="lea@exemple.org"))
    assert page.fields["identifier"]["value"] == "lea@exemple.org"


def test_id_token_hint_of_the_signed_in_person_is_answered(world: World, member) -> None:
    letter, _, portal, _ = member
    person = world.signed_in(letter)
    person.open(portal.authorize_url())
    hint = portal.redeem(person.sent_to).json()["id_token"]
    assert "code" in answer(person.get(portal.authorize_url(prompt="none", id_token_hint=hint)).headers["location"])


@attack("A21")
def test_id_token_hint_of_somebody_else_never_switches_silently(world: World, member) -> None:
    letter, _, portal, agency = member
    person = world.signed_in(letter)
    person.open(portal.authorize_url())
    hint = portal.redeem(person.sent_to).json()["id_token"]
    other_letter, _ = world.member(agency)
    other = world.signed_in(other_letter)
    silent = other.get(portal.authorize_url(prompt="none", id_token_hint=hint))
    assert answer(silent.headers["location"])["error"] == "login_required"
    assert other.open(portal.authorize_url(id_token_hint=hint)).path == "/login"
    other.submit(identifier=other_letter.email, password=STRONG)
    assert answer(other.sent_to)["error"] == "login_required"


def test_a_posted_request_becomes_a_row_and_a_get(world: World, member) -> None:
    """Browsers send no SameSite=Lax cookie with a cross-site POST, so nothing may be decided from it."""
    letter, _, portal, _ = member
    person = world.signed_in(letter)
    stranger = world.person()
    query = portal.authorize_url().split("?", 1)[1]
    response = stranger.http.post(
        "/oauth/authorize", content=query, headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert response.status_code == 303
    assert "set-cookie" not in response.headers
    person.open(response.headers["location"])
    assert "code" in answer(person.sent_to)


# --- pending requests ------------------------------------------------------------------------------------------------


def test_a_pending_request_is_answered_once(world: World, member) -> None:
    letter, _, portal, _ = member
    person = world.person()
    person.open(portal.authorize_url())
    form = person.page.form(having="identifier")
    person.submit(identifier=letter.email, password=STRONG)
    assert "code" in answer(person.sent_to)
    authorization = form.action.split("authorization=")[1]
    page = person.open(f"/oauth/authorize/{authorization}/continue")
    assert page.status == 409
    assert page.heading == "Vous êtes connecté"


def test_the_right_password_leads_straight_to_the_portal(world: World, member) -> None:
    letter, account_id, portal, _ = member
    person = world.person()
    person.open(portal.authorize_url())
    response = person.send(identifier=letter.email, password=STRONG)
    assert response.status_code == 303
    assert response.headers["location"].startswith(f"{portal.redirect_uri}?code=")
    assert claims(portal.redeem(response.headers["location"]).json()["id_token"])["sub"] == account_id
    assert person.open("/profile").path == "/profile"


def test_who_signs_in_for_a_portal_that_was_closed_meanwhile_is_told_and_stays_signed_in(world: World, member) -> None:
    letter, _, portal, _ = member
    person = world.person()
    person.open(portal.authorize_url())
    with world.transaction() as db:
        db.execute(update(Client).where(Client.id == portal.client_id).values(disabled_at=world.clock()))
    store.cache.clear()
    assert person.submit(identifier=letter.email, password=STRONG).status == 400
    assert person.open("/profile").path == "/profile"


def test_tabs_of_two_portals_each_finish_at_their_own_address(world: World, member) -> None:
    letter, _, portal, agency = member
    second = world.portal(agency)
    person = world.person()
    person.open(portal.authorize_url(state="one"))
    first_form = person.page
    person.open(second.authorize_url(state="two"))
    person.submit(identifier=letter.email, password=STRONG)
    assert person.sent_to.startswith(second.redirect_uri)
    assert answer(person.sent_to)["state"] == "two"
    person.page = first_form
    person.submit(identifier=letter.email, password=STRONG)
    assert person.sent_to.startswith(portal.redirect_uri)
    assert answer(person.sent_to)["state"] == "one"


@attack("F2")
def test_another_browser_with_the_id_gets_a_question_of_its_own(world: World, member) -> None:
    letter, _, portal, _ = member
    first, thief = world.person(), world.person()
    first.open(portal.authorize_url())
    authorization = first.page.form(having="identifier").action.split("authorization=")[1]
    page = thief.open(f"/oauth/authorize/{authorization}/continue")
    assert page.path == "/login"
    assert authorization not in page.form(having="identifier").action
    first.submit(identifier=letter.email, password=STRONG)
    assert "code" in answer(first.sent_to)


def test_a_disabled_portal_is_shown_as_unknown(world: World, member) -> None:
    _, _, _, agency = member
    portal = world.portal(agency, disabled_at=world.clock())
    assert world.person().get(portal.authorize_url()).status_code == 400


def test_an_expired_pending_request_leads_back_to_the_agency(world: World, member) -> None:
    _, _, portal, _ = member
    person = world.person()
    person.open(portal.authorize_url())
    authorization = person.page.form(having="identifier").action.split("authorization=")[1]
    world.clock.advance(days=4)
    page = person.open(f"/oauth/authorize/{authorization}/continue")
    assert page.status == 404
    assert "Revenez à l'espace de votre agence" in page.text


# --- agencies --------------------------------------------------------------------------------------------------------


def test_a_portal_may_not_ask_for_another_agency(world: World, member) -> None:
    letter, _, portal, _ = member
    other = world.agency()
    response = world.signed_in(letter).get(portal.authorize_url(client=other.client, societe=other.societe))
    assert answer(response.headers["location"])["error"] == "invalid_request"


def test_a_platform_portal_asks_for_an_agency_and_the_token_names_it(world: World) -> None:
    agency, other = world.agency(), world.agency()
    letter, _ = world.member(agency)
    portal: Portal = world.portal(None, default_portal=False)
    person = world.signed_in(letter)
    person.open(portal.authorize_url(client=agency.client.lower(), societe=f" {agency.societe} "))
    told = claims(portal.redeem(person.sent_to).json()["id_token"])
    assert (told["client"], told["societe"]) == (agency.client, agency.societe)
    assert [m["agency_name"] for m in told["memberships"]] == [agency.name]
    person.open(portal.authorize_url(client=other.client, societe=other.societe))
    assert "memberships" not in claims(portal.redeem(person.sent_to).json()["id_token"])
