"""Source, section III: the two codes of an agency."""

from __future__ import annotations

import pytest

from tests.attacks import attack
from tests.support.world import STRONG, World


def test_codes_in_the_address_name_the_agency(world: World) -> None:
    agency = world.agency(name="Agence des Quais")

    page = world.person().open(f"/login?{agency.query}")

    assert page.status == 200
    assert "Agence des Quais" in page.text


@pytest.mark.parametrize("path", ["/", "/login", "/login/provisional", "/reset"])
def test_without_codes_they_are_asked_for(world: World, path: str) -> None:
    page = world.person().open(path)

    assert page.heading == "Saisir les codes client et société"


@pytest.mark.parametrize(
    ("path", "then"),
    [
        ("/login", "Mot de passe oublié"),
        ("/login/provisional", "Identifiant provisoire"),
        ("/reset", "Recevoir le lien"),
    ],
)
def test_typed_codes_lead_on_to_the_page_that_was_wanted(world: World, path: str, then: str) -> None:
    agency = world.agency(name="Agence des Quais")
    person = world.person()
    person.open(path)

    page = person.submit(client=agency.client, societe=agency.societe)

    assert page.path == path
    assert "Agence des Quais" in page.text
    assert then in page.html


@pytest.mark.parametrize(
    "write",
    [lambda c: c.lower(), lambda c: f"  {c}  ", lambda c: f"{c[:2]} {c[2:]}", lambda c: f"{c}\u00a0"],
    ids=["small letters", "spaces around", "a space within", "a no-break space"],
)
def test_case_and_spaces_do_not_matter(world: World, write) -> None:  # type: ignore[no-untyped-def]
    agency = world.agency(name="Agence des Quais")
    person = world.person()
    person.open("/login/codes")

    page = person.submit(client=write(agency.client), societe=write(agency.societe))

    assert page.path == "/login"
    assert "Agence des Quais" in page.text


@attack("H12")
def test_a_wrong_client_and_a_wrong_company_get_the_same_words(world: World) -> None:
    agency, other = world.agency(), world.agency()
    person = world.person()
    person.open("/login/codes")
    told = set()

    for client, societe in (
        ("NOBODY", agency.societe),
        (agency.client, "NOBODY"),
        (agency.client, other.societe),
    ):
        page = person.submit(client=client, societe=societe)
        assert page.status == 400
        assert page.fields["client"]["value"] == client
        told.add(tuple(page.errors))

    assert len(told) == 1


@pytest.mark.parametrize("path", ["/login", "/login/provisional", "/reset"])
def test_wrong_codes_in_the_address_are_asked_for_again_and_the_wanted_page_follows(world: World, path: str) -> None:
    """A letter's address mistyped in the browser: two of the three pages answered with an error page."""
    agency = world.agency()
    person = world.person()

    assert person.open(f"{path}?client={agency.client}&societe=").status == 400
    page = person.open(f"{path}?client={agency.client}&societe=NOBODY")

    assert page.status == 400
    assert page.fields["client"]["value"] == agency.client
    assert person.submit(client=agency.client, societe=agency.societe).path == path


def test_missing_codes_are_asked_for(world: World) -> None:
    person = world.person()
    person.open("/login/codes")

    page = person.submit(client="", societe="")

    assert page.status == 400
    assert "Saisissez les deux codes" in page.errors[0]


def test_the_codes_of_a_portals_request_need_not_be_typed(world: World) -> None:
    agency = world.agency(name="Agence des Quais")
    portal = world.portal(agency)

    page = world.person().open(portal.authorize_url())

    assert page.path == "/login"
    assert "Agence des Quais" in page.text


def test_typing_the_codes_keeps_the_portals_request(world: World) -> None:
    letter, _ = world.member()
    portal = world.portal(None)
    person = world.person()
    person.open(portal.authorize_url())
    person.click("Utilisez cette option")
    assert person.page.heading == "Saisir les codes client et société"

    person.submit(client=letter.client, societe=letter.societe)
    person.click("Connectez-vous")
    person.submit(identifier=letter.email or "", password=STRONG)

    assert person.sent_to.startswith(portal.redirect_uri)


def test_a_strong_account_signs_in_on_any_agencys_page(world: World) -> None:
    letter, _ = world.member()
    elsewhere = world.agency()
    person = world.person()
    person.open(f"/login?{elsewhere.query}")

    page = person.submit(identifier=letter.email or "", password=STRONG)

    assert page.heading == "Profil"
