"""Customers and agencies: `idp customers`, `idp agencies`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.terminal import Terminal
from tests.support.png import png


def test_a_customer_code_is_stored_in_capitals_without_spaces(idp: Terminal) -> None:
    made = idp.ok("customers", "create", " résid".replace("é", "e"), "--name", "Résid'Sud")
    assert made["code"] == "RESID"
    assert [one["code"] for one in idp.ok("customers", "list")] == ["RESID"]


def test_leading_zeros_of_a_code_are_kept(idp: Terminal) -> None:
    idp.agency("RESID-SUD/0042")
    assert idp.ok("agencies", "show", "resid-sud/0042")["societe"] == "0042"


def test_a_code_that_exists_is_a_conflict(idp: Terminal) -> None:
    idp.agency("ADB/TLS01")
    assert idp.run("customers", "create", "adb", "--name", "Autre").code == 4
    assert idp.run("agencies", "create", "adb/tls01", "--name", "Autre").code == 4


def test_an_agency_of_an_unknown_customer_is_not_found(sqlite_idp: Terminal) -> None:
    assert sqlite_idp.run("agencies", "create", "NOBODY/1", "--name", "X").code == 3


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--brand-color", "red"),
        ("--brand-color", "#12345"),
        ("--support-phone", "0612"),
        ("--support-email", "a@"),
        ("--name", " "),
        ("--name", "x" * 201),
    ],
)
def test_a_value_that_pages_could_not_show_is_a_usage_error(sqlite_idp: Terminal, option: str, value: str) -> None:
    sqlite_idp.agency("ADB/TLS01")
    answer = sqlite_idp.run("agencies", "update", "ADB/TLS01", option, value)
    assert answer.code == 2
    assert sqlite_idp.ok("agencies", "show", "ADB/TLS01")["name"] == "Agence"


def test_a_french_phone_number_becomes_international(sqlite_idp: Terminal) -> None:
    sqlite_idp.agency("ADB/TLS01")
    changed = sqlite_idp.ok("agencies", "update", "ADB/TLS01", "--support-phone", "05 61 22 33 44")
    assert changed["support_phone"] == "+33561223344"


def test_an_empty_value_takes_the_brand_away(sqlite_idp: Terminal) -> None:
    sqlite_idp.agency("ADB/TLS01")
    sqlite_idp.ok("agencies", "update", "ADB/TLS01", "--brand-color", "#0B5394")
    assert sqlite_idp.ok("agencies", "update", "ADB/TLS01", "--brand-color", "")["brand_color"] is None


def test_a_logo_is_read_from_a_file_and_taken_away_again(sqlite_idp: Terminal, tmp_path: Path) -> None:
    sqlite_idp.agency("ADB/TLS01")
    (tmp_path / "logo.png").write_bytes(png())
    (tmp_path / "logo.svg").write_text("<svg/>")
    shown = sqlite_idp.ok("agencies", "update", "ADB/TLS01", "--logo", str(tmp_path / "logo.png"))
    assert len(shown["logo"]) == 64
    for wrong in ("logo.svg", "nowhere.png"):
        refused = sqlite_idp.run("agencies", "update", "ADB/TLS01", "--logo", str(tmp_path / wrong))
        assert refused.code == 2
        assert wrong in refused.err
    assert sqlite_idp.ok("agencies", "update", "ADB/TLS01", "--logo", "")["logo"] is None


def test_a_dry_run_changes_nothing(idp: Terminal) -> None:
    answer = idp.run("customers", "create", "ADB", "--name", "ADB", "--dry-run")
    assert answer.code == 0
    assert "nothing was changed" in answer.err
    assert idp.ok("customers", "list") == []


def test_a_closed_agency_is_opened_again(idp: Terminal) -> None:
    idp.agency("ADB/TLS01")
    idp.run("agencies", "disable", "ADB/TLS01")
    assert idp.ok("agencies", "show", "ADB/TLS01")["disabled"] is True
    idp.run("agencies", "enable", "ADB/TLS01")
    assert idp.ok("agencies", "show", "ADB/TLS01")["disabled"] is False


def test_agencies_of_one_customer_are_listed_alone(sqlite_idp: Terminal) -> None:
    sqlite_idp.agency("ADB/TLS01")
    sqlite_idp.agency("RESID/1")
    listed = sqlite_idp.ok("agencies", "list", "--customer", "adb")
    assert [one["societe"] for one in listed] == ["TLS01"]
    assert sqlite_idp.run("agencies", "list", "--customer", "NOBODY").code == 3


def test_showing_an_agency_tells_the_address_of_its_pages(sqlite_idp: Terminal) -> None:
    sqlite_idp.agency("ADB/TLS01")
    shown = sqlite_idp.ok("agencies", "show", "ADB/TLS01")
    assert shown["sign_in"].endswith("/login?client=ADB&societe=TLS01")
