"""Portals, one by one: `idp clients`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from idp.audit.tables import AuditEvent
from idp.cli.context import light_deps
from idp.oidc.registration import store
from idp.oidc.registration.secrets import digest
from idp.settings import load
from tests.cli.terminal import Terminal

BACK = "https://portail.example/retour"


def created(idp: Terminal, *more: str) -> Any:
    return idp.ok("clients", "create", "--id", "portail", "--name", "Portail", "--redirect-uri", BACK, *more)


def test_creating_a_portal_prints_what_its_developers_paste(idp: Terminal) -> None:
    idp.agency("ADB/TLS01")
    made = created(idp, "--agency", "ADB/TLS01")
    assert made["client_id"] == "portail"
    assert len(made["client_secret"]) == 43
    assert made["discovery"] == made["issuer"] + "/.well-known/openid-configuration"
    assert made["redirect_uri"] == BACK
    assert made["code_challenge_method"] == "S256"
    assert made["id_token_signed_response_alg"] == "ES256"


def test_only_a_keyed_digest_of_the_secret_is_stored(idp: Terminal) -> None:
    secret = created(idp)["client_secret"]
    with idp.reading() as db:
        deps = light_deps(load())
        client = store.find(db, "portail", now=deps.now())
        assert client is not None
        assert client.secret_digests == (digest(deps, secret),)
    assert secret not in idp.run("clients", "show", "portail").out


def test_settings_on_a_terminal_are_lines_to_paste(sqlite_idp: Terminal) -> None:
    answer = sqlite_idp.run("clients", "create", "--name", "Été", "--redirect-uri", BACK, "--output", "table")
    assert "client_id=ete-" in answer.out
    assert "client_secret=" in answer.out
    assert "client_secret" not in answer.err


def test_a_dry_run_makes_neither_portal_nor_secret(sqlite_idp: Terminal) -> None:
    assert "client_secret" not in created(sqlite_idp, "--dry-run")
    assert sqlite_idp.ok("clients", "list") == []


def test_every_reason_against_a_portal_is_told_at_once(sqlite_idp: Terminal) -> None:
    answer = sqlite_idp.run("clients", "create", "--id", "p", "--name", "P", "--redirect-uri", "http://p.example/")
    assert answer.code == 2
    assert "client_id" in answer.err
    assert "redirect_uris" in answer.err


def test_a_portal_that_exists_is_a_conflict(sqlite_idp: Terminal) -> None:
    created(sqlite_idp)
    again = sqlite_idp.run("clients", "create", "--id", "portail", "--name", "P", "--redirect-uri", BACK)
    assert again.code == 4


def test_a_public_portal_has_no_secret_and_needs_pkce(sqlite_idp: Terminal) -> None:
    assert "client_secret" not in created(sqlite_idp, "--public")
    assert sqlite_idp.run("clients", "rotate-secret", "portail").code == 1
    assert sqlite_idp.run("clients", "update", "portail", "--no-pkce").code == 2


def test_a_second_default_portal_of_an_agency_is_a_conflict(idp: Terminal) -> None:
    idp.agency("ADB/TLS01")
    default = ("--agency", "ADB/TLS01", "--default-portal", "--initiate-login-uri", "https://portail.example/go")
    created(idp, *default)
    second = idp.run("clients", "create", "--id", "autre", "--name", "A", "--redirect-uri", BACK, *default)
    assert second.code == 4
    assert "portail" in second.sentence


def test_two_secrets_live_while_one_is_rotated(idp: Terminal) -> None:
    first = created(idp)["client_secret"]
    second = idp.ok("clients", "rotate-secret", "portail")["client_secret"]
    assert first != second
    assert idp.ok("clients", "show", "portail")["live_secrets"] == 2


def test_a_leaked_secret_ends_at_once_without_overlap(idp: Terminal) -> None:
    created(idp)
    idp.ok("clients", "rotate-secret", "portail", "--overlap-hours", "0")
    assert idp.ok("clients", "show", "portail")["live_secrets"] == 1


def test_updating_changes_what_is_given_only(idp: Terminal) -> None:
    created(idp)
    changed = idp.ok(
        "clients", "update", "portail", "--add-redirect-uri", "https://portail.example/b", "--name", "Neuf"
    )
    assert changed["redirect_uris"] == [BACK, "https://portail.example/b"]
    assert changed["name"] == "Neuf"
    assert changed["scope"] == idp.ok("clients", "show", "portail")["scope"]


def test_deleting_asks_when_nobody_is_at_the_terminal(idp: Terminal) -> None:
    created(idp)
    assert idp.run("clients", "delete", "portail").code == 2
    assert idp.run("clients", "delete", "portail", "--yes").code == 0
    assert idp.run("clients", "show", "portail").code == 3


def test_a_disabled_portal_is_enabled_again(idp: Terminal) -> None:
    created(idp)
    idp.run("clients", "disable", "portail")
    assert idp.ok("clients", "list")[0]["disabled"] is True
    idp.run("clients", "enable", "portail")
    assert idp.ok("clients", "list")[0]["disabled"] is False


def test_every_change_is_audited_with_the_operator_and_without_secrets(idp: Terminal) -> None:
    secret = created(idp)["client_secret"]
    idp.ok("clients", "rotate-secret", "portail")
    idp.run("clients", "delete", "portail", "--yes")
    with idp.reading() as db:
        events = db.scalars(select(AuditEvent).order_by(AuditEvent.id)).all()
        assert [event.name for event in events] == [
            "cli.client-created",
            "cli.client-secret-rotated",
            "cli.client-deleted",
        ]
        assert all((event.cause or "").startswith("os:") for event in events)
        assert secret not in str([event.details for event in events])
