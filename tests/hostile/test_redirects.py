"""No parameter of ours leads to somebody else's site."""

from __future__ import annotations

import pytest

from tests.attacks import attack
from tests.support.acts import sign_in
from tests.support.world import STRONG, World

ELSEWHERE = ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "%2F%2Fevil.example"]
NAMES = ["next", "url", "redirect", "redirect_uri", "return_to", "then", "continue", "merge", "target", "authorization"]
PATHS = [
    "/",
    "/login",
    "/login/codes",
    "/login/provisional",
    "/reset",
    "/profile",
    "/profile/password",
    "/logout",
    "/help",
]


@pytest.mark.parametrize("elsewhere", ELSEWHERE)
@attack("H14")
def test_no_page_leads_away_for_any_parameter(world: World, elsewhere: str) -> None:
    letter, _ = world.member()
    for person in (world.person(), world.signed_in(letter)):
        for path in PATHS:
            for name in NAMES:
                response = person.get(f"{path}?{letter.query}", params={name: elsewhere})
                location = response.headers.get("location", "/")
                assert location.startswith("/"), (path, name, location)
                assert not location.startswith(("//", "/\\")), (path, name, location)


@pytest.mark.parametrize("elsewhere", ELSEWHERE)
def test_signing_in_leads_where_it_leads_without_the_parameter(world: World, elsewhere: str) -> None:
    letter, _ = world.member()
    person = world.person()
    for name in NAMES:
        page = sign_in(person, letter, query=f"{letter.query}&{name}={elsewhere}")
        assert page.url == f"{world.base}/profile", name
        person.forget("session")


def test_the_codes_page_leads_to_known_pages_only(world: World) -> None:
    agency = world.agency()
    for then in (*ELSEWHERE, "logout", "../profile"):
        person = world.person()
        person.open("/login/codes")
        form = person.page.form(having="client")
        response = person.http.post(
            "/login/codes",
            params={"then": then},
            data={**form.fields, "client": agency.client, "societe": agency.societe},
        )
        assert response.headers["location"].startswith("/login?client="), then


@attack("M13")
def test_another_hosts_name_is_in_no_answer_and_no_mail(world: World) -> None:
    """Reset links built from the Host header have given accounts away (ZITADEL CVE-2025-64101)."""
    letter, _ = world.member()
    person = world.person(headers={"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"})
    person.open(f"/reset?{letter.query}")
    form = person.page.form(having="identifier")

    before = len(world.mails_to(letter.email))

    response = person.http.post(
        form.action, data={**form.fields, "identifier": letter.email}, headers={"Host": "evil.example"}
    )

    if response.status_code == 421:
        # nginx answers to one name, and the provider is not asked.
        assert "evil" not in response.text + str(response.headers)
        assert len(world.mails_to(letter.email)) == before
        return
    assert "evil" not in response.headers["location"]
    assert "evil" not in world.mails_to(letter.email)[-1].text
    assert world.base in world.mails_to(letter.email)[-1].text


def test_after_signing_in_with_a_hostile_request_id_the_sign_in_still_ends_well(world: World) -> None:
    letter, _ = world.member()
    person = world.person()
    person.open(f"/login?{letter.query}&authorization={'x' * 22}")

    assert person.submit(identifier=letter.email or "", password=STRONG).heading == "Profil"
