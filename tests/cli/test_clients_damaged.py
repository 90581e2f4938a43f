"""A portal whose row cannot be read: told, put right from its file, or deleted, without SQL."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from idp.cli.context import light_deps
from idp.oidc.registration.secrets import digest
from idp.settings import load
from tests.cli.terminal import Terminal

ID = "portail-adb"
FILE = f"""\
[[clients]]
client_id = "{ID}"
name = "Portail ADB"
agency = "ADB/TLS01"
redirect_uris = ["https://adb.example/retour"]
initiate_login_uri = "https://adb.example/entrer"
default_portal = true
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "clients.toml"
    path.write_text(FILE, encoding="utf-8")
    return path


@pytest.fixture
def secret(idp: Terminal, file: Path) -> str:
    """The portal's secret; its row is damaged."""
    idp.agency("ADB/TLS01")
    secret = str(idp.ok("clients", "apply", "-f", str(file))[0]["client_secret"])
    damage(idp, "{}")
    return secret


def damage(idp: Terminal, document: str) -> None:
    with idp.transaction() as db:
        db.execute(text("UPDATE clients SET registered = :document WHERE id = :id"), {"document": document, "id": ID})


def digests(idp: Terminal) -> list[str]:
    with idp.reading() as db:
        alive = "SELECT digest FROM client_secrets WHERE client_id = :id AND expires_at IS NULL"
        return list(db.scalars(text(alive), {"id": ID}))


def test_its_file_applied_again_puts_it_right_and_its_secret_works_on(idp: Terminal, file: Path, secret: str) -> None:
    before = digests(idp)
    applied = idp.ok("clients", "apply", "-f", str(file))

    assert [(one["action"], one["client_secret"]) for one in applied] == [("repair", None)]
    assert idp.ok("clients", "show", ID)["redirect_uris"] == ["https://adb.example/retour"]
    assert digests(idp) == before == [digest(light_deps(load()), secret)]
    assert idp.ok("clients", "apply", "-f", str(file))[0]["action"] == "same"


@pytest.mark.usefixtures("secret")
def test_a_plan_says_that_it_would_be_put_right_and_does_nothing(idp: Terminal, file: Path) -> None:
    answer = idp.run("clients", "diff", "-f", str(file), "--output", "table")

    assert answer.code == 4
    assert f"! {ID}" in answer.out
    assert idp.run("clients", "apply", "-f", str(file), "--dry-run").code == 4
    assert idp.run("clients", "show", ID).code == 1


@pytest.mark.usefixtures("secret")
def test_a_method_without_a_secret_ends_those_that_it_had(idp: Terminal, file: Path) -> None:
    file.write_text(FILE + 'token_endpoint_auth_method = "none"\n', encoding="utf-8")
    assert idp.ok("clients", "apply", "-f", str(file))[0]["action"] == "repair"
    assert digests(idp) == []


@pytest.mark.usefixtures("secret")
def test_a_method_that_needs_the_secret_itself_gets_one(idp: Terminal, file: Path) -> None:
    file.write_text(FILE + 'token_endpoint_auth_method = "client_secret_jwt"\n', encoding="utf-8")
    assert idp.ok("clients", "apply", "-f", str(file))[0]["client_secret"]
    assert len(digests(idp)) == 1


@pytest.mark.usefixtures("secret")
def test_it_can_be_deleted(idp: Terminal) -> None:
    assert idp.run("clients", "delete", ID, "--yes").code == 0
    assert idp.run("clients", "show", ID).code == 3


@pytest.mark.usefixtures("secret")
@pytest.mark.parametrize("verb", ["show", "update", "enable", "rotate-secret", "test"])
def test_every_other_command_says_what_to_do(idp: Terminal, verb: str) -> None:
    answer = idp.run("clients", verb, ID)

    assert answer.code == 1
    assert "cannot be read" in answer.sentence
    assert "idp clients apply" in answer.sentence
    assert "idp clients delete" in answer.sentence


@pytest.mark.usefixtures("secret")
def test_its_id_is_taken(idp: Terminal) -> None:
    assert idp.run("clients", "create", "--id", ID, "--name", "x", "--redirect-uri", "https://x.example/").code == 4


@pytest.mark.usefixtures("secret")
def test_lists_and_the_doctor_name_it(idp: Terminal) -> None:
    for verb in ("list", "export"):
        answer = idp.run("clients", verb)
        assert answer.code == 0
        assert ID not in answer.out
        assert f"client {ID} cannot be read" in answer.err
    found = {one["check"]: one for one in idp.run("doctor", "--output", "json").data}
    assert found["portals"]["level"] == "broken"
    assert ID in found["portals"]["detail"]


def test_a_document_that_is_no_json_is_damaged_too(sqlite_idp: Terminal, file: Path) -> None:
    """SQLite takes any text; every list of portals ended there."""
    sqlite_idp.agency("ADB/TLS01")
    sqlite_idp.ok("clients", "apply", "-f", str(file))
    damage(sqlite_idp, "not JSON")

    assert sqlite_idp.ok("clients", "list") == []
    assert sqlite_idp.ok("clients", "apply", "-f", str(file))[0]["action"] == "repair"
