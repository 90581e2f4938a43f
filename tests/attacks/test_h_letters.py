"""Group H: letters, codes of client and company, agencies."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select

from idp.accounts.tables import Account
from idp.tenancy import store as tenancy
from tests.attacks import attack
from tests.hostile.test_values import rows
from tests.support.acts import choose_address, show_letter, sign_in
from tests.support.mailbox import Mailbox
from tests.support.world import OTHER_STRONG, STRONG, ProviderServer, World, answer


@attack("H6")
def test_anothers_address_with_ones_own_letter_gives_nothing_of_that_account(world: World) -> None:
    """The page asks for the password of that account (source, section II): no session, no mail, nothing changed.

    That an account exists is told by it, as the source wants; a letter may try a few addresses a day (H1).
    """
    victim, account_id = world.member()
    attacker = world.person()
    show_letter(attacker, world.letter())
    before, mails = rows(world), len(world.mails_to(victim.email))

    choose_address(attacker, victim.email)
    page = attacker.submit(password=OTHER_STRONG)

    assert page.status == 400
    assert "session" not in attacker.cookies
    assert rows(world) == before
    assert len(world.mails_to(victim.email)) == mails
    assert "V1001" not in page.html
    assert sign_in(world.person(), victim).heading == "Profil"
    with world.reading() as db:
        assert db.scalars(select(func.count()).select_from(Account).where(Account.id == account_id)).one() == 1


@attack("H11")
@pytest.mark.parametrize("value", [None, "", "no", "false", "0"])
def test_terms_that_were_not_accepted_are_not(world: World, value: str | None) -> None:
    letter = world.letter()
    person = world.person()
    show_letter(person, letter)
    choose_address(person)

    page = person.submit(new_password=STRONG, confirmation=STRONG, accept_terms=value)  # type: ignore[arg-type]

    assert page.status == 400
    assert not world.mails_to(letter.email)


HOSTILE = [
    "NOBODY",
    "[]",
    "x" * 10_000,
    "<script>alert(1)</script>",
    "a\r\nSet-Cookie: x=1",
    "' OR 1=1--",
    "Ｃ１",
    "../../etc",
    "001",
]


@attack("H12")
@pytest.mark.parametrize("code", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_codes_lead_to_the_page_of_the_codes(world: World, code: str) -> None:
    agency = world.agency()
    person = world.person()
    seen = set()
    for client, societe in ((code, agency.societe), (agency.client, code), (code, code)):
        response = person.get("/login", params={"client": client, "societe": societe})
        if response.status_code == 414:
            assert len(client + societe) > 16_000, "nginx takes no longer address"
            continue
        assert response.status_code == 303
        assert response.headers["location"].startswith("/login/codes?")
        assert "x" not in response.cookies
        page = person.open(response.headers["location"])
        assert code not in page.html or "<" not in code
        seen.add((page.status, page.heading, tuple(page.errors)))

    assert len(seen) == 1


@attack("H12")
@pytest.mark.parametrize("query", ["client[]={0}&societe[]={1}", "client={0}", "societe={1}"])
def test_codes_given_as_lists_or_by_half_are_asked_for(world: World, query: str) -> None:
    agency = world.agency()

    page = world.person().open(f"/login?{query.format(agency.client, agency.societe)}")

    assert page.path == "/login/codes"
    assert agency.name not in page.html


@attack("H12")
def test_small_letters_are_the_same_code_and_leading_zeros_are_not(world: World) -> None:
    """Codes are no secret and no boundary (H13): they stand in every link of an agency. So wrong ones are not counted."""
    agency = world.agency(code=f"7{world.deps.new_digits(6)}")
    person = world.person()

    assert person.open(f"/login?client={agency.client.lower()}&societe={agency.societe}").path == "/login"
    assert person.open(f"/login?client={agency.client}&societe=0{agency.societe}").path == "/login/codes"
    assert agency.name not in person.page.html


@attack("H12")
def test_a_company_of_another_client_is_none(world: World) -> None:
    one, other = world.agency(), world.agency()

    page = world.person().open(f"/login?client={one.client}&societe={other.societe}")

    assert page.path == "/login/codes"
    assert other.name not in page.html


@attack("H13")
def test_signing_in_at_another_agencys_page_shows_nothing_of_that_agency(world: World) -> None:
    letter, _ = world.member(contracts=("MINE-1",))
    other = world.agency()
    stranger, _ = world.member(other, contracts=("THEIRS-1",), last_name="DUPONT")
    portal = world.portal(other)
    person = world.person()
    person.open(portal.authorize_url())

    person.submit(identifier=letter.email or "", password=STRONG)
    told = portal.userinfo(portal.redeem(person.sent_to).json()["access_token"]).json()

    assert told.get("memberships") == []
    assert "MINE-1" not in str(told)
    assert "THEIRS-1" not in person.open("/profile").html
    assert stranger.email not in str(told)


@attack("H14")
@pytest.mark.parametrize("name", ["logo", "theme", "css", "brand", "title", "message", "name"])
def test_no_parameter_dresses_a_page_up(world: World, name: str) -> None:
    agency = world.agency()
    plain = world.person().open(f"/login?{agency.query}")

    page = world.person().open(f"/login?{agency.query}&{name}=//evil.example/<style>*")

    assert "evil.example" not in page.html
    assert page.text == plain.text


@attack("H16")
def test_a_closed_agency_takes_its_contracts_along_and_nothing_else(world: World) -> None:
    agency, open_one = world.agency(), world.agency()
    only, both = world.member(agency)[0], world.member(agency)[0]
    second = world.letter(open_one, contracts=("OPEN-1",))
    person = world.person()
    show_letter(person, second)
    choose_address(person, both.email)
    person.submit(password=STRONG)
    portal = world.portal(None)
    person.open(portal.authorize_url())
    tokens = portal.redeem(person.sent_to).json()

    with world.transaction() as db:
        tenancy.set_agency_disabled(db, agency.id, world.clock())

    refreshed = portal.refresh(tokens["refresh_token"]).json()
    told = portal.userinfo(refreshed["access_token"]).json()
    assert [place["societe"] for place in told["memberships"]] == [open_one.societe]
    told = portal.userinfo(tokens["access_token"]).json()
    assert [place["societe"] for place in told["memberships"]] == [open_one.societe]
    page = sign_in(world.person(), only, query=open_one.query)
    assert page.status == 403
    assert page.ways
    assert sign_in(world.person(), both, query=open_one.query).heading == "Profil"
    unused = world.letter(agency)
    page = world.person().open(f"/login/provisional?{unused.query}")
    assert "provisional_identifier" not in page.fields
    assert page.ways


@attack("H1")
def test_letters_cannot_be_tried_one_after_the_other(world: World) -> None:
    """Each identifier has a count of its own; the network and the agency have one for all of them."""
    agency = world.agency()
    settings = world.deps.settings
    assert settings.throttle_agency_free_attempts <= 2000
    person = world.person()
    person.open(f"/login/provisional?{agency.query}")
    for _ in range(7):
        page = person.submit(provisional_identifier="ID-GUESSED", provisional_password="wrong")

    assert page.status == 429
    assert "code" not in answer(person.page.url)


@attack("H1")
def test_walking_through_identifiers_is_stopped_by_the_network_and_then_by_the_agency(
    tmp_path: Path, mailbox: Mailbox
) -> None:
    """Each identifier once, so no count of its own helps; from three networks, as a proxy that is trusted tells them."""
    server = ProviderServer(
        f"sqlite:///{tmp_path / 'walk.sqlite'}",
        mailbox,
        IDP_TRUSTED_PROXIES="1",
        IDP_THROTTLE_NETWORK_FREE_ATTEMPTS="8",
        IDP_THROTTLE_AGENCY_FREE_ATTEMPTS="20",
    )
    try:
        world = World(server)
        agency, told = world.agency(), {}
        for network in ("198.51.100.1", "198.51.100.2", "198.51.100.3"):
            walker = world.person(headers={"X-Forwarded-For": network})
            walker.open(f"/login/provisional?{agency.query}")
            told[network] = [
                walker.submit(provisional_identifier=f"ID{number:06}", provisional_password="wrong").status
                for number in range(10)
            ]
    finally:
        server.stop()

    assert told["198.51.100.1"] == told["198.51.100.2"] == [400] * 8 + [429] * 2
    assert told["198.51.100.3"] == [400] * 4 + [429] * 6
