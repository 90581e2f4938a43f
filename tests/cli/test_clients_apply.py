"""Portals declared in files: `idp clients apply` and `export`."""

from __future__ import annotations

from pathlib import Path

import pytest

from idp.cli.context import light_deps
from idp.oidc.registration import store
from idp.oidc.registration.secrets import digest
from idp.settings import ROOT, load
from tests.cli.terminal import Terminal

ONE = """\
[[clients]]
client_id = "portail-adb"
name = "Portail ADB"
agency = "ADB/TLS01"
redirect_uris = [
  "https://adb.example/retour",
]
initiate_login_uri = "https://adb.example/entrer"
default_portal = true

[[clients]]
client_id = "appli"
name = "Application"
token_endpoint_auth_method = "none"
redirect_uris = ["https://appli.example/retour"]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "clients.toml"
    path.write_text(ONE, encoding="utf-8")
    return path


def test_applying_twice_changes_nothing_the_second_time(idp: Terminal, file: Path) -> None:
    idp.agency("ADB/TLS01")
    first = idp.ok("clients", "apply", "-f", str(file))
    second = idp.ok("clients", "apply", "-f", str(file))
    assert [one["action"] for one in first] == ["create", "create"]
    assert first[0]["client_secret"]
    assert first[1]["client_secret"] is None
    assert [one["action"] for one in second] == ["same", "same"]
    assert second[0]["client_secret"] is None


def test_a_plan_with_changes_has_its_own_exit_code_and_changes_nothing(idp: Terminal, file: Path) -> None:
    idp.agency("ADB/TLS01")
    assert idp.run("clients", "apply", "-f", str(file), "--dry-run").code == 4
    assert idp.ok("clients", "list") == []
    idp.ok("clients", "apply", "-f", str(file))
    assert idp.run("clients", "apply", "-f", str(file), "--dry-run").code == 0


def test_a_change_is_shown_as_a_difference(sqlite_idp: Terminal, file: Path) -> None:
    sqlite_idp.agency("ADB/TLS01")
    sqlite_idp.ok("clients", "apply", "-f", str(file))
    file.write_text(ONE.replace("Portail ADB", "Extranet ADB"), encoding="utf-8")
    shown = sqlite_idp.run("clients", "apply", "-f", str(file), "--output", "table")
    assert '- name = "Portail ADB"' in shown.out
    assert '+ name = "Extranet ADB"' in shown.out
    assert sqlite_idp.ok("clients", "show", "portail-adb")["name"] == "Extranet ADB"


def test_all_mistakes_are_told_at_once_with_their_lines(idp: Terminal, file: Path) -> None:
    wrong = ONE.replace("https://adb.example/retour", "http://adb.example/retour").replace('"none"', '"nothing"')
    file.write_text(wrong.replace('name = "Application"', 'nom = "Application"'), encoding="utf-8")
    answer = idp.run("clients", "apply", "-f", str(file))
    assert answer.code == 1
    assert f"{file}:4: there is no agency 'ADB/TLS01'" in answer.err
    assert f"{file}:5: redirect_uris" in answer.err
    assert f"{file}:11: name is missing" in answer.err
    assert f"{file}:13: 'nom' is unknown" in answer.err
    assert idp.ok("clients", "list") == []


def test_a_file_that_is_not_toml_is_refused_with_its_line(sqlite_idp: Terminal, file: Path) -> None:
    file.write_text(ONE.replace("default_portal = true", "default_portal = yes"), encoding="utf-8")
    answer = sqlite_idp.run("clients", "apply", "-f", str(file))
    assert answer.code == 1
    assert f"{file}:9:" in answer.err


def test_the_same_client_twice_is_refused(sqlite_idp: Terminal, file: Path) -> None:
    sqlite_idp.agency("ADB/TLS01")
    answer = sqlite_idp.run("clients", "apply", "-f", str(file), "-f", str(file))
    assert answer.code == 1
    assert f"stands at {file}:1 already" in answer.err


def test_the_default_portal_moves_from_one_client_to_another(idp: Terminal, file: Path) -> None:
    idp.agency("ADB/TLS01")
    idp.ok("clients", "apply", "-f", str(file))
    moved = ONE.replace("default_portal = true", "default_portal = false").replace(
        'name = "Application"',
        'name = "Application"\nagency = "ADB/TLS01"\ndefault_portal = true\ninitiate_login_uri = "https://a.example/"',
    )
    file.write_text(moved, encoding="utf-8")
    idp.ok("clients", "apply", "-f", str(file))
    assert idp.ok("agencies", "show", "ADB/TLS01")["default_portal"] == "appli"


def test_a_default_portal_that_no_file_names_is_in_the_way(sqlite_idp: Terminal, file: Path) -> None:
    sqlite_idp.agency("ADB/TLS01")
    sqlite_idp.ok("clients", "apply", "-f", str(file))
    file.write_text(ONE.replace("portail-adb", "portail-neuf"), encoding="utf-8")
    answer = sqlite_idp.run("clients", "apply", "-f", str(file))
    assert answer.code == 1
    assert f"{file}:9: the agency's default portal is portail-adb already" in answer.err


def test_a_secret_of_a_variable_is_stored_and_never_printed(
    idp: Terminal, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "s" * 40
    monkeypatch.setenv("PORTAL_SECRET", secret)
    idp.agency("ADB/TLS01")
    file.write_text(ONE.replace("default_portal", 'secret_env = "PORTAL_SECRET"\ndefault_portal'), encoding="utf-8")
    answer = idp.run("clients", "apply", "-f", str(file))
    assert answer.code == 0
    assert secret not in answer.out + answer.err
    with idp.reading() as db:
        deps = light_deps(load())
        client = store.find(db, "portail-adb", now=deps.now())
        assert client is not None
        assert client.secret_digests == (digest(deps, secret),)
    assert idp.ok("clients", "apply", "-f", str(file))[0]["action"] == "same"


def test_a_missing_or_short_secret_is_refused(sqlite_idp: Terminal, file: Path, tmp_path: Path) -> None:
    sqlite_idp.agency("ADB/TLS01")
    (tmp_path / "short").write_text("abc", encoding="utf-8")
    for line in ('secret_env = "NOT_SET_ANYWHERE"', 'secret_file = "short"', 'secret_file = "absent"'):
        file.write_text(ONE.replace("default_portal", f"{line}\ndefault_portal"), encoding="utf-8")
        answer = sqlite_idp.run("clients", "apply", "-f", str(file))
        assert answer.code == 1
        assert f"{file}:9:" in answer.err


def test_what_is_exported_applies_without_change(idp: Terminal, file: Path) -> None:
    idp.agency("ADB/TLS01")
    idp.ok("clients", "apply", "-f", str(file))
    idp.run("clients", "disable", "appli")
    file.write_text(idp.run("clients", "export").out, encoding="utf-8")
    assert {one["action"] for one in idp.ok("clients", "apply", "-f", str(file))} == {"same"}


@pytest.mark.parametrize("path", sorted((ROOT / "clients" / "registrations").glob("*.toml")), ids=lambda p: p.name)
def test_the_registrations_shipped_here_are_well_formed(path: Path) -> None:
    from idp.cli.clients import files

    declared, problems = files.read(path, environ={})
    # A shipped file may name a variable for its secret, which only the operator has.
    assert [str(one) for one in problems if "cannot be read" not in one.text] == []
    assert declared
