"""Portals with all that the standards let them register: `--set`, files, `clients test`, `clients tokens`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey
from sqlalchemy import select

from idp.audit.tables import AuditEvent
from idp.cli.context import light_deps
from idp.digests import Kind
from idp.oidc.registration import fields, secrets, store
from idp.oidc.registration.tables import InitialAccessToken
from idp.settings import load
from tests.cli.terminal import Terminal
from tests.support.outside import Authority, Host, answer

BACK = "https://portail.example/retour"
PRIVATE = ECKey.generate_key("P-256", {"kid": "k"})
KEYS = {"keys": [PRIVATE.as_dict(private=False)]}
RICH = {
    "token_endpoint_auth_method": "private_key_jwt",
    "token_endpoint_auth_signing_alg": "ES256",
    "jwks": json.dumps(KEYS),
    "subject_type": "pairwise",
    "id_token_encrypted_response_alg": "ECDH-ES",
    "request_uris": "https://portail.example/a https://portail.example/b#v2",
    "default_max_age": "3600",
    "require_auth_time": "true",
    "first_party": "false",
    "localized": '{"client_name#fr": "Ñandú \\" \\\\ 😀"}',
    "access_token_format": "opaque",
    "resources": "https://api.example/",
}


def created(idp: Terminal, *more: str) -> Any:
    return idp.ok("clients", "create", "--id", "portail", "--name", "Portail", "--redirect-uri", BACK, *more)


def settings(said: dict[str, str]) -> list[str]:
    return [part for name, value in said.items() for part in ("--set", f"{name}={value}")]


# --- any field -----------------------------------------------------------------------------------------------------------


def test_any_field_is_set_by_its_standard_name(idp: Terminal) -> None:
    made = created(idp, *settings(RICH))
    assert "client_secret" not in made  # private_key_jwt goes without
    shown = idp.ok("clients", "show", "portail")
    assert shown["jwks"] == KEYS
    assert shown["request_uris"] == ["https://portail.example/a", "https://portail.example/b#v2"]
    assert (shown["default_max_age"], shown["require_auth_time"], shown["first_party"]) == (3600, True, False)
    assert shown["localized"] == {"client_name#fr": 'Ñandú " \\ 😀'}
    assert set(fields.OPERATOR) <= set(shown)


def test_an_object_is_read_from_a_file(sqlite_idp: Terminal, tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text(json.dumps(KEYS), encoding="utf-8")
    created(sqlite_idp, "--set", f"jwks=@{tmp_path / 'keys.json'}")
    assert sqlite_idp.ok("clients", "show", "portail")["jwks"] == KEYS


def test_nothing_after_the_sign_takes_a_value_away(sqlite_idp: Terminal) -> None:
    created(
        sqlite_idp, "--set", "policy_uri=https://portail.example/policy", "--set", "contacts=a@b.example c@d.example"
    )
    changed = sqlite_idp.ok("clients", "update", "portail", "--set", "policy_uri=", "--set", "contacts=")
    assert (changed["policy_uri"], changed["contacts"]) == (None, [])


@pytest.mark.parametrize(
    "setting",
    [
        *("id=x", "secret_digests=x", "dynamic=false", "unknown=1", "jwks", "=x", "default_max_age=soon"),
        *(
            "require_auth_time=yes",
            "jwks={",
            "jwks=[1]",
            "jwks=@/nowhere",
            "jwks=@/",
            "policy_uri=http://portail.example/",
        ),
        "jwks=" + json.dumps({"keys": [PRIVATE.as_dict(private=True)]}),
    ],
)
def test_what_cannot_be_set_is_a_usage_error(sqlite_idp: Terminal, setting: str) -> None:
    answered = sqlite_idp.run(
        "clients", "create", "--id", "portail", "--name", "P", "--redirect-uri", BACK, "--set", setting
    )
    assert answered.code == 2
    assert str(PRIVATE.as_dict(private=True)["d"]) not in answered.err
    assert sqlite_idp.ok("clients", "list") == []


def test_what_is_exported_of_a_rich_portal_applies_without_change(idp: Terminal, tmp_path: Path) -> None:
    created(idp, *settings(RICH))
    exported = idp.run("clients", "export").out
    file = tmp_path / "clients.toml"
    file.write_text(exported, encoding="utf-8")
    assert idp.run("clients", "diff", "-f", str(file)).code == 0
    idp.run("clients", "delete", "portail", "--yes")
    idp.ok("clients", "apply", "-f", str(file))
    assert idp.run("clients", "export").out == exported


def test_a_difference_is_shown_and_nothing_is_changed(idp: Terminal, tmp_path: Path) -> None:
    created(idp)
    file = tmp_path / "clients.toml"
    file.write_text(idp.run("clients", "export").out + '\ntos_uri = "https://portail.example/cgu"\n', encoding="utf-8")
    shown = idp.run("clients", "diff", "-f", str(file), "--output", "table")
    assert shown.code == 4
    assert '+ tos_uri = "https://portail.example/cgu"' in shown.out
    assert idp.ok("clients", "show", "portail")["tos_uri"] is None


def test_a_field_of_the_wrong_shape_is_refused_by_its_line(sqlite_idp: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "clients.toml"
    text = f'[[clients]]\nclient_id = "portail"\nname = "P"\nredirect_uris = ["{BACK}"]\n'
    file.write_text(
        text + 'default_max_age = "5"\nrequest_uris = "x"\njwks = []\nrequire_auth_time = 1\n', encoding="utf-8"
    )
    answered = sqlite_idp.run("clients", "diff", "-f", str(file))
    assert answered.code == 1
    for line, name in ((5, "default_max_age"), (6, "request_uris"), (7, "jwks"), (8, "require_auth_time")):
        assert f"{file}:{line}: {name}: " in answered.err


# --- secrets that are keys ---------------------------------------------------------------------------------------------------


def test_a_method_that_needs_another_kind_of_secret_gets_one(idp: Terminal) -> None:
    first = created(idp)["client_secret"]
    changed = idp.ok("clients", "update", "portail", "--auth-method", "client_secret_jwt")
    assert changed["client_secret"] not in (first, None)
    with idp.reading() as db:
        deps = light_deps(load())
        client = store.find(db, "portail", now=deps.now())
        assert client is not None
        assert secrets.opened(deps, client) == [changed["client_secret"]]
        assert client.secret_digests == (secrets.digest(deps, changed["client_secret"]),)
    gone = idp.ok(
        "clients", "update", "portail", "--set", f"jwks={json.dumps(KEYS)}", "--auth-method", "private_key_jwt"
    )
    assert gone["live_secrets"] == 0


def test_a_file_brings_the_secret_that_becomes_a_key(
    idp: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTAL_SECRET", "s" * 40)
    file = tmp_path / "clients.toml"
    text = f'[[clients]]\nclient_id = "portail"\nname = "P"\nredirect_uris = ["{BACK}"]\nsecret_env = "PORTAL_SECRET"\n'
    file.write_text(text, encoding="utf-8")
    idp.ok("clients", "apply", "-f", str(file))
    file.write_text(text + 'token_endpoint_auth_method = "client_secret_jwt"\n', encoding="utf-8")
    assert idp.ok("clients", "apply", "-f", str(file))[0]["client_secret"] is None
    with idp.reading() as db:
        deps = light_deps(load())
        client = store.find(db, "portail", now=deps.now())
        assert client is not None
        assert secrets.opened(deps, client) == ["s" * 40]
    assert idp.ok("clients", "apply", "-f", str(file))[0]["action"] == "same"


# --- trying it -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def host(tmp_path: Path, no_settings: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """The portal's own host, which a setting lets this machine reach."""
    authority = Authority(tmp_path)
    monkeypatch.setenv("IDP_FETCH_ALLOWED_NETWORKS", "127.0.0.0/8")
    monkeypatch.setenv("IDP_FETCH_CA_FILE", str(authority.file))
    host = Host(authority)
    yield host
    host.stop()


def levels(answered: Any) -> dict[str, str]:
    return {one["check"]: one["level"] for one in answered}


def test_a_portal_that_works_is_all_green(sqlite_idp: Terminal, host: Host) -> None:
    host.pages["/keys"] = json.dumps(KEYS).encode()
    host.pages["/sector"] = json.dumps(["https://127.0.0.1/retour"]).encode()
    said = {
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks_uri": f"{host.url}/keys",
        "sector_identifier_uri": f"{host.url}/sector",
        "redirect_uris": "https://127.0.0.1/retour",
    }
    created(sqlite_idp, *settings(said))
    tried = sqlite_idp.ok("clients", "test", "portail")
    assert set(levels(tried)) == {"registration", "proof", "jwks_uri", "sector_identifier_uri"}
    assert set(levels(tried).values()) == {"ready"}


def test_what_does_not_work_is_named_and_the_exit_code_tells(sqlite_idp: Terminal, host: Host) -> None:
    host.pages["/keys"] = b'{"keys": []}'
    said = {
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks_uri": f"{host.url}/keys",
        "sector_identifier_uri": f"{host.url}/sector",
        "backchannel_logout_uri": f"{host.url}/logout",
        "request_uris": f"{host.url}/request",
        "redirect_uris": "https://no-such-host.invalid/retour",
    }
    created(sqlite_idp, *settings(said))
    answered = sqlite_idp.run("clients", "test", "portail")
    assert answered.code == 1
    assert levels(answered.data) == {
        "registration": "ready",
        "proof": "broken",
        "host": "broken",
        "jwks_uri": "ready",
        "sector_identifier_uri": "broken",
        "backchannel_logout_uri": "broken",
        "request_uris": "broken",
    }


@pytest.mark.parametrize(("status", "level"), [(400, "ready"), (200, "care"), (404, "broken"), (302, "broken")])
def test_a_logout_address_refuses_an_empty_request(sqlite_idp: Terminal, host: Host, status: int, level: str) -> None:
    host.behaviour = lambda tls, _head: tls.sendall(answer(status, b""))
    created(sqlite_idp, "--set", f"backchannel_logout_uri={host.url}/logout")
    assert levels(sqlite_idp.run("clients", "test", "portail").data)["backchannel_logout_uri"] == level


def test_trying_an_unknown_portal_is_not_found(sqlite_idp: Terminal) -> None:
    assert sqlite_idp.run("clients", "test", "nobody").code == 3


def test_a_trial_on_a_terminal_is_one_line_a_check(sqlite_idp: Terminal, host: Host) -> None:
    created(sqlite_idp, "--public", "--set", "redirect_uris=http://127.0.0.1/retour")
    shown = sqlite_idp.run("clients", "test", "portail", "--output", "table")
    assert shown.code == 0
    assert len(shown.out.splitlines()) == 2


# --- tokens ----------------------------------------------------------------------------------------------------------------------


def test_a_token_is_printed_once_and_stored_as_a_digest(idp: Terminal) -> None:
    idp.agency("ADB/TLS01")
    made = idp.ok("clients", "tokens", "create", "--name", "Éditeur", "--agency", "ADB/TLS01", "--uses", "3")
    token = made["initial_access_token"]
    assert len(token) == 43
    assert made["registration_endpoint"].endswith("/oauth/register")
    with idp.reading() as db:
        row = db.scalars(select(InitialAccessToken)).one()
        assert row.digest == light_deps(load()).digests.digest(Kind.INITIAL_ACCESS_TOKEN, token)
        events = db.scalars(select(AuditEvent)).all()
        assert token not in str([event.details for event in events])
    listed = idp.run("clients", "tokens", "list").out
    assert token not in listed
    assert (
        json.loads(listed)[0] | {"belongs_to": "ADB/TLS01", "uses_left": 3, "name": "Éditeur"} == json.loads(listed)[0]
    )


def test_a_token_is_revoked_by_its_id_once(idp: Terminal) -> None:
    made = idp.ok("clients", "tokens", "create", "--name", "Éditeur")
    assert idp.run("clients", "tokens", "revoke", made["id"], "--dry-run").code == 0
    assert idp.run("clients", "tokens", "revoke", made["id"]).code == 0
    assert idp.run("clients", "tokens", "revoke", made["id"]).code == 3
    assert idp.ok("clients", "tokens", "list")[0]["revoked_at"] is not None


def test_a_dry_run_makes_no_token(sqlite_idp: Terminal) -> None:
    assert "initial_access_token" not in sqlite_idp.ok("clients", "tokens", "create", "--name", "É", "--dry-run")
    assert sqlite_idp.ok("clients", "tokens", "list") == []


def test_a_token_belongs_to_an_agency_or_a_customer(sqlite_idp: Terminal) -> None:
    both = ("--agency", "ADB/TLS01", "--customer", "ADB")
    assert sqlite_idp.run("clients", "tokens", "create", "--name", "É", *both).code == 2
    assert sqlite_idp.run("clients", "tokens", "create", "--name", "É", "--agency", "ADB/NADA").code == 3
