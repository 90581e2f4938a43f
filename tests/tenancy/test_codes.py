"""The two codes as typed."""

from __future__ import annotations

import pytest

from idp.errors import AgencyClosed, AgencyUnknown, CodesMissing
from idp.tenancy import resolve
from tests.support.world import World


@pytest.mark.parametrize("typed", ["tls01", " TLS01 ", "T LS 01", "TLS\u00a001", "\tTLS01"])
def test_case_and_spaces_do_not_matter(typed: str) -> None:
    assert resolve.canonical(typed) == "TLS01"


@pytest.mark.parametrize("code", ["A", "0042", "TLS-01", "A.B_C", "X" * 40])
def test_valid_codes(code: str) -> None:
    assert resolve.valid(code)


@pytest.mark.parametrize("code", ["", "X" * 41, "-A", "A/B", "A B", "É", "a", "A\n", "%"])
def test_invalid_codes(code: str) -> None:
    assert not resolve.valid(code)


def test_leading_zeros_count(world: World) -> None:
    agency = world.agency(code="0042" + world.deps.new_token(64).replace("_", "").replace("-", "").upper())
    with world.reading() as db:
        assert resolve.by_codes(db, agency.client, agency.societe).id == agency.id
        with pytest.raises(AgencyUnknown):
            resolve.by_codes(db, agency.client, agency.societe.lstrip("0"))


def test_the_same_company_code_at_two_customers_is_two_agencies(world: World) -> None:
    one, two = world.agency(code="S1"), world.agency(code="S1")
    with world.reading() as db:
        assert resolve.by_codes(db, one.client, "S1").id == one.id
        assert resolve.by_codes(db, two.client, "s 1").id == two.id


@pytest.mark.parametrize(("client", "societe"), [("", "S1"), ("C1", ""), (" ", " ")])
def test_missing_codes_are_told_as_missing(world: World, client: str, societe: str) -> None:
    with world.reading() as db, pytest.raises(CodesMissing):
        resolve.by_codes(db, client, societe)


def test_a_closed_agency_is_told_as_closed_by_its_name(world: World) -> None:
    agency = world.agency(disabled_at=world.clock(), name="Régie du Port")
    with world.reading() as db, pytest.raises(AgencyClosed) as told:
        resolve.by_codes(db, agency.client, agency.societe)

    assert told.value.facts["agency"] == "Régie du Port"


def test_an_address_of_ours_names_the_agency_it_was_made_for(world: World) -> None:
    agency = world.agency()
    with world.reading() as db:
        found = resolve.by_codes(db, agency.client, agency.societe)

    assert resolve.query(found) == {"client": agency.client, "societe": agency.societe}
    assert resolve.query(None) == {}
