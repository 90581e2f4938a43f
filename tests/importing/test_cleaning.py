"""What becomes of one line: what is put right, what is left out with a warning, what refuses the line."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.accounts import addresses
from idp.accounts.importing.cells import Cells, is_tidy, text
from idp.accounts.importing.cleaning import Line, Refusal, clean
from idp.accounts.importing.reading import Record
from idp.errors import AddressMalformed
from tests.importing.builders import DEFAULT, a_line, a_person, an_export, cleaned, records


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("0561223344", "+33561223344"),
        ("05 61 22 33 44", "+33561223344"),
        ("05.61.22.33.44", "+33561223344"),
        ("561223344", "+33561223344"),
        ("33561223344", "+33561223344"),
        ("+33 (0)5 61 22 33 44", "+33561223344"),
        ("+32 2 555 12 12", "+3225551212"),
        ("0033561223344", "+33561223344"),
    ],
)
def test_a_phone_becomes_international(typed: str, stored: str) -> None:
    line = a_person(phone=typed)
    assert line.person.phone == stored
    assert line.warnings == ()


@given(typed=st.from_regex(r"0[1-9]([ .\-/]?[0-9]{2}){4}", fullmatch=True))
def test_a_french_number_is_what_the_library_says_of_it(typed: str) -> None:
    number = phonenumbers.parse(typed, "FR")
    assert a_person(phone=typed).person.phone == phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@given(
    local=st.from_regex(r"[A-Za-z0-9]{1,30}([._\-][A-Za-z0-9]{1,20}){0,3}", fullmatch=True),
    domain=st.sampled_from(
        ["exemple.org", "EX.fr", "a.b.c.fr", "x", "localhost", "x.test", "-x.fr", "x..fr", "x.1", f"{'b' * 64}.fr"]
    ),
)
def test_a_plain_address_is_accepted_as_the_library_accepts_it(local: str, domain: str) -> None:
    def answer(accept: Callable[[str], str]) -> str:
        try:
            return accept(f"{local}@{domain}")
        except AddressMalformed:
            return "malformed"

    assert answer(addresses.accepted) == answer(addresses._checked)


@pytest.mark.parametrize("typed", ["tel 0612", "0612", "néant", "-", "06 12 34 56 78 (bureau)"])
def test_a_phone_that_cannot_be_right_is_left_out_with_a_warning(typed: str) -> None:
    line = a_person(phone=typed)
    assert line.person.phone is None
    assert line.warnings == (f"téléphone non valide, ignoré : « {typed} »",)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("lea@exemple.test", "lea@exemple.test"),
        (" TRISTAN.FERRAND336@COURRIEL.EXEMPLE ", "tristan.ferrand336@courriel.exemple"),
        ("Lea.Martin@Exemple.test", "Lea.Martin@exemple.test"),
        ("", None),
    ],
)
def test_an_address_is_trimmed_and_lowered_when_it_is_all_capitals(typed: str, stored: str | None) -> None:
    line = a_person(email=typed)
    assert line.person.suggested_email == stored
    assert line.warnings == ()


@pytest.mark.parametrize("typed", ["néant", "-", "a@", "tel 0612", "x@@exemple.fr", "léa@exemple.fr"])
def test_an_address_that_cannot_be_right_is_left_out_with_a_warning(typed: str) -> None:
    line = a_person(email=typed)
    assert line.person.suggested_email is None
    assert line.warnings == (f"adresse email non valide, ignorée : « {typed} »",)


@pytest.mark.parametrize(("typed", "stored"), [("3175", "03175"), ("31 000", "31000"), ("F-31000", "31000"), ("", "")])
def test_a_postal_code_has_five_digits(typed: str, stored: str) -> None:
    assert a_person(postal_code=typed).person.postal_code == stored


def test_a_postal_code_that_cannot_be_right_is_left_out_with_a_warning() -> None:
    line = a_person(postal_code="Toulouse")
    assert line.person.postal_code == ""
    assert len(line.warnings) == 1


def test_codes_and_identifier_are_canonical_and_keep_their_zeros() -> None:
    line = a_person(customer=" resid-sud ", company="0042", identifier=" 0042 100-042 ")
    assert (line.customer_code, line.company_code) == ("RESID-SUD", "0042")
    assert (line.identifier, line.key) == ("0042 100-042", "0042100042")


@pytest.mark.parametrize(
    ("typed", "stored"),
    [("Locataire", "locataire"), ("CO-PROPRIÉTAIRE", "coproprietaire"), (" proprietaire ", "proprietaire")],
)
def test_roles_are_those_of_the_profile(typed: str, stored: str) -> None:
    assert a_person(role=typed).person.role == stored


@pytest.mark.parametrize(
    ("typed", "stored"), [("mme", "Mme"), ("Monsieur", "M."), ("M. et Mme", "M. et Mme"), ("", "")]
)
def test_civilities_are_those_of_the_profile(typed: str, stored: str) -> None:
    line = a_person(civility=typed)
    assert line.person.civility == stored
    assert line.warnings == ()


def test_an_unknown_civility_is_left_out_with_a_warning() -> None:
    assert a_person(civility="Dr").warnings == ("civilité inconnue, ignorée : « Dr »",)


def test_a_cell_may_hold_several_contracts_each_kept_once() -> None:
    assert a_person(contracts=" V1, C2 ,V1,, néant|L3").contracts == ("V1", "C2", "L3")


def test_a_formula_is_plain_data() -> None:
    assert a_person(city='=HYPERLINK("http://exemple.test";"ici")').person.city.startswith("=HYPERLINK")


def test_a_placeholder_is_no_password() -> None:
    assert a_person(password=" - ").password is None
    assert a_person(password=" xu2mjee9 ").password == "xu2mjee9"


def test_texts_longer_than_their_column_are_cut_with_a_warning() -> None:
    line = a_person(city="x" * 121)
    assert line.person.city == "x" * 120
    assert line.warnings == ("ville trop long, coupé à 120 caractères",)


def test_control_characters_and_halves_of_characters_are_dropped() -> None:
    assert text("L\x00éa\ud800\u200b\r\n  MARTIN\u00a0X") == "Léa MARTIN X"


@given(st.text(st.sampled_from("ab é;'\u0301\u00a0\t\u200b\u212bﬁ") | st.characters(), max_size=60))
def test_what_a_tidy_line_is_cut_into_needs_no_cleaning(line: str) -> None:
    """Most lines are looked at once instead of cell by cell; both must come to the same."""
    if is_tidy(line):
        assert [text(cell) for cell in line.split(";")] == [cell.strip() for cell in line.split(";")]


def test_a_tidy_line_and_the_same_with_quotes_are_one_person(tmp_path: Path) -> None:
    plain = a_line(last_name=" GUÉRIN ", contracts="V1, V2 ,néant", mandate="-")
    quoted = a_line(last_name='" GUÉRIN "', contracts='"V1, V2 ,néant"', mandate="-")
    first, second = records(an_export(tmp_path / "export.csv", plain, quoted))
    assert (first.tidy, second.tidy) == (True, False)
    assert clean(first, DEFAULT).digest == clean(second, DEFAULT).digest


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        ({"identifier": ""}, "identifiant manquant"),
        ({"identifier": " -. "}, "identifiant manquant"),
        ({"identifier": "x" * 81}, "identifiant trop long"),
        ({"customer": ""}, "code client ou code société manquant"),
        ({"company": " "}, "code client ou code société manquant"),
        ({"role": ""}, "rôle manquant"),
        ({"role": "Gardien"}, "rôle inconnu : « Gardien »"),
        ({"password": "x" * 129}, "mot de passe trop long"),
    ],
)
def test_a_line_that_cannot_be_used_is_refused(odd: dict[str, str], reason: str) -> None:
    refusal = cleaned(**odd)
    assert isinstance(refusal, Refusal)
    assert refusal.reason.startswith(reason)


def test_the_digest_tells_person_and_contracts_apart_but_not_passwords() -> None:
    first = a_person()
    assert a_person(password="another", phone="05 61 22 33 44").digest == first.digest
    assert a_person(city="Albi").digest != first.digest
    assert a_person(contracts="V1, V2").digest != first.digest


def test_a_password_is_not_in_any_representation() -> None:
    assert "xu2mjee9" not in repr(a_person(password="xu2mjee9"))


@given(st.dictionaries(st.sampled_from(list(DEFAULT.columns.values())), st.text(max_size=400)))
def test_no_line_is_too_odd_to_be_answered(odd: dict[str, str]) -> None:
    """Whatever cells hold, a line is a person that fits the columns, or a refusal with a reason."""
    cells = Cells(**{"customer": "A", "company": "B", "identifier": "1", "role": "Locataire", **odd})
    line = clean(Record(2, 0, cells), DEFAULT)
    if isinstance(line, Refusal):
        assert line.reason
        return
    assert isinstance(line, Line)
    assert line.key
    assert len(line.identifier) <= 80
    assert len(line.person.street) <= 300
    assert len(line.person.phone or "") <= 20
    assert all(0 < len(reference) <= 60 for reference in line.contracts)
    for value in (line.identifier, line.person.last_name, *line.contracts):
        assert not {unicodedata.category(character) for character in value} & {"Cc", "Cf", "Cs"}
        value.encode("utf-8")
