"""Files as they are: encodings, delimiters, quotes, line numbers; one bad line costs that line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from idp.accounts.importing import sentences
from idp.accounts.importing.lines import LONGEST_LINE
from idp.accounts.importing.reading import Fault, Record, Unusable
from tests.importing.builders import TITLES, a_line, an_export, examined, records, values


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "export.csv"


@pytest.mark.parametrize(("encoding", "found"), [("cp1252", "cp1252"), ("utf-8", "utf-8"), ("utf-8-sig", "utf-8")])
def test_the_encoding_is_found_out(path: Path, encoding: str, found: str) -> None:
    an_export(path, a_line(last_name="GUÉRIN", city="Œuilly"), encoding=encoding)
    assert examined(path).encoding == found
    assert values(records(path)[0])["last_name"] == "GUÉRIN"
    assert values(records(path)[0])["city"] == "Œuilly"


def test_an_accent_in_the_last_line_of_a_long_file_still_counts(path: Path) -> None:
    titles = TITLES.replace("é", "e").replace("ô", "o")
    plain = [a_line(identifier=f"T{n}", first_name="Lea") for n in range(2000)]
    an_export(path, *plain, a_line(last_name="GUÉRIN"), titles=titles)
    assert values(records(path)[-1])["last_name"] == "GUÉRIN"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_refused_with_what_to_do(path: Path, encoding: str) -> None:
    an_export(path, a_line(), encoding=encoding)
    with pytest.raises(Unusable, match="UTF-8"):
        examined(path)


def test_a_workbook_is_refused_as_no_text(path: Path) -> None:
    path.write_bytes(b"PK\x03\x04\x14\x00\x06\x00\x08\x00" + bytes(range(256)))
    with pytest.raises(Unusable, match="xlsx"):
        examined(path)


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\r\n\r\n"])
def test_an_empty_file_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(Unusable, match="vide"):
        examined(path)


@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
def test_the_delimiter_is_found_out(path: Path, delimiter: str) -> None:
    line = a_line(street="rue du Taur").replace(";", delimiter)
    an_export(path, line, titles=TITLES.replace(";", delimiter))
    assert examined(path).delimiter == delimiter
    assert values(records(path)[0])["street"] == "rue du Taur"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_both_line_ends_are_read(path: Path, end: str) -> None:
    an_export(path, a_line(mandate="12"), end=end)
    assert values(records(path)[0])["mandate"] == "12"


def test_a_file_without_a_last_line_end_is_read_whole(path: Path) -> None:
    path.write_bytes((TITLES + "\n" + a_line(mandate="12")).encode("cp1252"))
    assert values(records(path)[0])["mandate"] == "12"


def test_titles_are_compared_without_case_accents_and_spaces(path: Path) -> None:
    an_export(path, a_line(), titles=TITLES.upper().replace("É", "E").replace("CODESOCIETE", " Code  Société "))
    assert values(records(path)[0])["company"] == "TLS01"


def test_columns_that_nobody_needs_are_passed_over(path: Path) -> None:
    an_export(path, a_line() + ";rouge", titles=TITLES + ";Couleur préférée")
    assert values(records(path)[0])["identifier"] == "TLS01100000"


def test_missing_columns_are_named(path: Path) -> None:
    an_export(path, a_line(), titles=TITLES.replace("Identifiant", "Truc").replace("Rôle", "Machin"))
    with pytest.raises(Unusable, match="identifiant, rôle"):
        examined(path)


def test_two_columns_for_one_thing_are_refused(path: Path) -> None:
    an_export(path, a_line() + ";x@y.test", titles=TITLES + ";Courriel")
    with pytest.raises(Unusable, match="« Email » et « Courriel »"):
        examined(path)


def test_a_separator_line_of_a_spreadsheet_is_passed_over(path: Path) -> None:
    path.write_bytes(f"sep=;\r\n{TITLES}\r\n{a_line()}\r\n".encode("cp1252"))
    found = records(path)
    assert [record.line for record in found] == [3]


def test_line_breaks_inside_quotes_belong_to_the_cell(path: Path) -> None:
    an_export(path, a_line(street='"Bât. A\n1, rue du Taur"'), a_line(identifier="T2"))
    found = records(path)
    assert values(found[0])["street"] == "Bât. A\n1, rue du Taur"
    assert [record.line for record in found] == [2, 4]


def test_doubled_quotes_and_delimiters_inside_quotes_are_text(path: Path) -> None:
    an_export(path, a_line(city='"=HYPERLINK(""http://exemple.test"";""ici"")"'))
    assert values(records(path)[0])["city"] == '=HYPERLINK("http://exemple.test";"ici")'


def test_a_quote_inside_a_plain_cell_is_text(path: Path) -> None:
    an_export(path, a_line(street='Résidence "Les Pins"'))
    assert values(records(path)[0])["street"] == 'Résidence "Les Pins"'


def test_a_quote_that_is_never_closed_costs_its_own_line_only(path: Path) -> None:
    good = [a_line(identifier=f"T{n}") for n in range(60)]
    an_export(path, a_line(street='"Les Pins'), *good)
    found = records(path)
    assert found[0] == Fault(2, found[0].end, sentences.QUOTE_OPEN)
    assert [record.line for record in found[1:]] == list(range(3, 63))
    assert all(isinstance(record, Record) for record in found[1:])


def test_two_stray_quotes_do_not_make_two_lines_one(path: Path) -> None:
    an_export(path, a_line(street='"Les Pins'), a_line(identifier="T2", street='"Les Lilas'), a_line(identifier="T3"))
    found = records(path)
    assert [type(record) for record in found] == [Fault, Fault, Record]


def test_a_line_with_too_few_columns_is_a_fault(path: Path) -> None:
    an_export(path, "ADB;TLS01;T1;x;M.;CHARRIER;Émile", a_line())
    fault, good = records(path)
    assert fault == Fault(2, fault.end, "7 colonnes au lieu de 16")
    assert isinstance(good, Record)


def test_empty_columns_that_spreadsheets_add_are_passed_over(path: Path) -> None:
    an_export(path, a_line() + ";;;", a_line() + ";x")
    assert [type(record) for record in records(path)] == [Record, Fault]


def test_empty_lines_are_passed_over_and_counted(path: Path) -> None:
    an_export(path, "", a_line(), ";" * 15, a_line())
    assert [record.line for record in records(path)] == [3, 5]


def test_a_line_in_another_encoding_costs_that_line(path: Path) -> None:
    lines = [a_line(identifier=f"T{n}", last_name="GUÉRIN") for n in range(3)]
    broken = a_line(last_name="MAC").encode() + b"\xc9"
    path.write_bytes("\n".join([TITLES, *lines]).encode() + b"\n" + broken + b"\n" + a_line().encode() + b"\n")
    assert [type(record) for record in records(path)] == [Record, Record, Record, Fault, Record]


def test_an_endless_line_costs_that_line_and_no_memory(path: Path) -> None:
    an_export(path, "x" * (3 * LONGEST_LINE), a_line())
    fault, good = records(path)
    assert isinstance(fault, Fault)
    assert good.line == 3


def test_a_file_of_one_endless_line_is_refused(path: Path) -> None:
    path.write_bytes(b"x" * 300_000)
    with pytest.raises(Unusable, match="titres"):
        examined(path)


def test_json_lines_are_read_by_the_same_titles(path: Path) -> None:
    objects = [
        {"CodeClient": "ADB", "codesociete": "TLS01", "Identifiant": 42, "Rôle": "Locataire", "Contrats": ["V1", "V2"]},
        {"CodeClient": None},
    ]
    lines = [json.dumps(one) for one in objects]
    path.write_text("\n".join([lines[0], "", "[1]", "{", lines[1]]), encoding="utf-8")
    found = records(path)
    assert examined(path).delimiter is None
    assert values(found[0])["identifier"] == "42"
    assert values(found[0])["contracts"] == "V1,V2"
    assert [record.line for record in found] == [1, 3, 4, 5]
    assert [type(record) for record in found] == [Record, Fault, Fault, Record]


def test_the_bytes_read_grow_to_the_size_of_the_file(path: Path) -> None:
    an_export(path, *[a_line(identifier=f"T{n}") for n in range(10)])
    ends = [record.end for record in records(path)]
    assert ends == sorted(ends)
    assert ends[-1] == examined(path).size == path.stat().st_size
