"""Keys, terms, settings, mail, purge and doctor."""

from __future__ import annotations

import os
import signal
import smtplib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, func, insert, select, update

from idp.accounts.tables import Account
from idp.links.tables import Link
from idp.mail.tables import OutboxMail
from idp.oidc.keys.tables import SigningKey
from idp.oidc.logout.tables import LogoutNotice
from idp.sessions.tables import BrowserSession
from tests.cli.terminal import Terminal
from tests.support.mailbox import Mailbox
from tests.support.outside import Authority

NOW = datetime.now(UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def published(idp: Terminal, folder: Path, text: str = "Conditions") -> Any:
    (folder / "cgu.md").write_text(text, encoding="utf-8")
    (folder / "vie-privee.md").write_text("Politique", encoding="utf-8")
    files = ("--terms-of-use", str(folder / "cgu.md"), "--privacy-policy", str(folder / "vie-privee.md"))
    return idp.ok("terms", "publish", *files)


# --- keys and terms --------------------------------------------------------------------------------------------------


def test_a_new_key_is_published_before_it_signs(idp: Terminal) -> None:
    made = idp.ok("keys", "rotate", "--algorithm", "ES256")
    states = {key["kid"]: key["state"] for key in idp.ok("keys", "list") if key["algorithm"] == "ES256"}
    assert states[made["kid"]] == "published"
    assert sorted(states.values()) == ["published", "signing"]
    assert levels(idp)["signing keys"] == "ready"
    with idp.transaction() as db:
        # The database may be shared with other tests: as it was before.
        db.execute(delete(SigningKey).where(SigningKey.kid == made["kid"]))
        db.execute(update(SigningKey).values(retired_at=None))


def test_a_dry_run_of_a_rotation_makes_no_key(idp: Terminal) -> None:
    before = idp.ok("keys", "list")
    idp.ok("keys", "rotate", "--algorithm", "RS256", "--dry-run")
    assert idp.ok("keys", "list") == before


def test_a_key_that_signs_is_replaced_before_it_is_retired(sqlite_idp: Terminal) -> None:
    signing = {key["algorithm"]: key["kid"] for key in sqlite_idp.ok("keys", "list") if key["state"] == "signing"}
    refused = sqlite_idp.run("keys", "retire", signing["ES256"])
    assert refused.code == 4
    assert "idp keys rotate" in refused.err
    assert sqlite_idp.run("keys", "retire", "nobody").code == 3
    # One id of 64 begins as an option does (RFC 7638: base64url of a digest).
    assert sqlite_idp.run("keys", "retire", "-x8Kq0nobody", "--dry-run").code == 3


def test_after_another_master_secret_the_keys_are_renewed_and_before_that_everybody_is_told_how(
    sqlite_idp: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commands ended with "unexpected InvalidTag", and the service in a loop of dying workers."""
    before = {key["kid"] for key in sqlite_idp.ok("keys", "list")}
    sqlite_idp.ok("keys", "renew", "--yes")
    assert {key["kid"] for key in sqlite_idp.ok("keys", "list")} == before, "what can be opened stays"
    monkeypatch.setenv("IDP_SECRET_KEY", "another-master-secret-of-forty-characters")

    for command in (("keys", "list"), ("serve",)):
        refused = sqlite_idp.run(*command)
        assert refused.code == 1
        assert "idp keys renew" in refused.err
    assert levels(sqlite_idp)["signing keys"] == "broken"
    assert sqlite_idp.run("keys", "renew").code == 4
    sqlite_idp.ok("keys", "renew", "--dry-run")
    assert sqlite_idp.run("keys", "list").code == 1

    sqlite_idp.ok("keys", "renew", "--yes")
    after = sqlite_idp.ok("keys", "list")
    assert {key["kid"] for key in after}.isdisjoint(before)
    assert {key["state"] for key in after} == {"signing", "encrypting"}


def test_a_leaked_key_is_replaced_and_ended_by_one_command(sqlite_idp: Terminal) -> None:
    leaked = next(key["kid"] for key in sqlite_idp.ok("keys", "list") if key["algorithm"] == "PS256")
    sqlite_idp.run("keys", "retire", leaked, "--at-once", "--dry-run")
    assert len([key for key in sqlite_idp.ok("keys", "list") if key["algorithm"] == "PS256"]) == 1
    assert sqlite_idp.run("keys", "retire", leaked, "--at-once").code == 0
    ends = {key["kid"]: key["retired_at"] for key in sqlite_idp.ok("keys", "list") if key["algorithm"] == "PS256"}
    assert len(ends) == 2
    assert ends[leaked] is not None


@pytest.mark.parametrize("kid", ["-h", "-n", "--"])
def test_an_id_of_a_key_is_never_taken_for_options(sqlite_idp: Terminal, kid: str) -> None:
    """Base64url may begin with a hyphen: with an "h" anywhere behind it help was shown, and nothing was retired."""
    told = sqlite_idp.run("keys", "retire", kid.ljust(43, "x"), "--at-once")

    assert told.code == 3
    assert kid.ljust(43, "x") in told.err


def test_private_keys_are_never_printed(sqlite_idp: Terminal) -> None:
    assert "sealed" not in sqlite_idp.run("keys", "list").out


def test_the_sign_ins_of_a_person_are_listed_and_ended(idp: Terminal) -> None:
    with idp.transaction() as db:
        account = {"id": "a1", "email": "lea@exemple.test", "email_key": "lea@exemple.test", "password_hash": "x"}
        db.execute(insert(Account).values(**account, state="active", created_at=NOW, password_changed_at=NOW))
        sign_in = {"id": "s1", "sid": "s1", "digest": "d", "account_id": "a1", "browser_digest": "b"}
        later = NOW + timedelta(days=1)
        moments = {"authenticated_at": NOW, "last_seen_at": NOW, "expires_at": later}
        db.execute(insert(BrowserSession).values(**sign_in, **moments))
    assert [one["sid"] for one in idp.ok("sessions", "list", "lea@exemple.test")] == ["s1"]
    idp.run("sessions", "end", "a1", "--dry-run")
    assert len(idp.ok("sessions", "list", "a1")) == 1
    assert "1 sign-ins ended" in idp.run("sessions", "end", "lea@exemple.test").err
    assert idp.ok("sessions", "list", "a1") == []
    assert idp.run("sessions", "end", "nobody").code == 3


def test_a_portal_that_was_given_up_is_shown_and_can_be_tried_again(idp: Terminal) -> None:
    with idp.transaction() as db:
        row = {"id": "n1", "client_id": "portal", "account_id": "a1", "sid": "s1", "state": "dead", "attempts": 9}
        row |= {"next_attempt_at": LONG_AGO, "created_at": LONG_AGO, "last_answer": "HTTP 500"}
        db.execute(insert(LogoutNotice).values(**row))
    (shown,) = idp.ok("sessions", "outbox", "--state", "dead")
    assert shown["last_answer"] == "HTTP 500"
    (again,) = idp.ok("sessions", "outbox", "--retry")
    assert again["state"] == "queued"


def test_terms_that_say_the_same_are_not_published_again(idp: Terminal, tmp_path: Path) -> None:
    assert published(idp, tmp_path)["version"] == 1
    assert published(idp, tmp_path)["version"] == 1
    assert published(idp, tmp_path, "Autres conditions")["version"] == 2
    assert [one["version"] for one in idp.ok("terms", "list")] == [2, 1]


def test_terms_that_are_empty_or_no_text_are_refused(sqlite_idp: Terminal, tmp_path: Path) -> None:
    empty, binary = tmp_path / "empty.md", tmp_path / "latin.md"
    empty.write_text(" \n", encoding="utf-8")
    binary.write_bytes("Conditions générales".encode("cp1252"))
    for bad in (empty, binary):
        answer = sqlite_idp.run("terms", "publish", "--terms-of-use", str(bad), "--privacy-policy", str(bad))
        assert answer.code == 1


# --- settings --------------------------------------------------------------------------------------------------------


def test_settings_are_shown_without_their_secrets(sqlite_idp: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "a-secret-that-nobody-else-has-0123456789"
    monkeypatch.setenv("IDP_SECRET_KEY", secret)
    for arguments in (("config", "show"), ("config", "show", "--describe")):
        assert secret not in sqlite_idp.run(*arguments).out
    assert sqlite_idp.ok("config", "show")["secret_key"] == "********"


def test_checking_settings_names_every_wrong_key(sqlite_idp: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sqlite_idp.run("config", "check").code == 0
    monkeypatch.setenv("IDP_WORKERS", "none")
    monkeypatch.setenv("IDP_SMTP_PORT", "99999")
    answer = sqlite_idp.run("config", "check")
    assert answer.code == 1
    assert "workers" in answer.sentence
    assert "smtp_port" in answer.sentence


# --- mail ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def mail_idp(idp: Terminal, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("IDP_SMTP_HOST", "127.0.0.1")
    monkeypatch.setenv("IDP_SMTP_PORT", str(mailbox.port))
    return idp


def a_mail(db: Any, *, id_: str = "m1", to: str = "lea@exemple.test", created_at: datetime, **values: Any) -> None:
    columns = {
        "id": id_,
        "kind": "delivery_test",
        "recipient": to,
        "sender_name": "Agence",
        "subject": "Essai",
        "text": "Texte",
        "html": "<p>Texte</p>",
        "state": "queued",
        "attempts": 0,
        "next_attempt_at": created_at,
        "created_at": created_at,
    }
    db.execute(insert(OutboxMail).values({**columns, **values}))


def test_a_test_mail_tells_that_the_server_accepted_it(mail_idp: Terminal, mailbox: Mailbox) -> None:
    mailbox.messages.clear()
    answer = mail_idp.run("mail", "test", "essai-commande@exemple.test")
    assert answer.code == 0
    assert "accepted" in answer.err
    assert len(mailbox.to("essai-commande@exemple.test")) == 1


def test_a_test_mail_tells_why_the_server_refused_it(mail_idp: Terminal, mailbox: Mailbox) -> None:
    mailbox.answer = "550 5.1.1 no such user here"
    try:
        answer = mail_idp.run("mail", "test", "nobody@exemple.test")
    finally:
        mailbox.answer = None
    assert answer.code == 1
    assert "550 5.1.1 no such user here" in answer.sentence


def test_a_mail_server_that_is_away_has_its_own_exit_code(
    sqlite_idp: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDP_SMTP_PORT", "1")
    assert sqlite_idp.run("mail", "test", "lea@exemple.test").code == 5
    assert sqlite_idp.run("mail", "test", "lea@").code == 2


def test_the_outbox_is_delivered_and_shown_without_bodies(mail_idp: Terminal, mailbox: Mailbox) -> None:
    mailbox.messages.clear()
    with mail_idp.transaction() as db:
        a_mail(db, to="boite@exemple.test", created_at=datetime.now(UTC))
    assert mail_idp.run("mail", "run", "--once").code == 0
    assert len(mailbox.to("boite@exemple.test")) == 1
    listed = mail_idp.run("mail", "outbox", "--state", "sent")
    assert listed.data[0]["recipient"] == "boite@exemple.test"
    assert "Texte" not in listed.out


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_sender_ends_in_good_order_on_a_signal(sqlite_idp: Terminal, number: signal.Signals) -> None:
    process = sqlite_idp.process("mail", "run")
    assert process.stderr is not None
    assert "delivering" in process.stderr.readline()
    process.send_signal(number)
    assert process.wait(timeout=20) == 0
    process.communicate()


# --- purge -----------------------------------------------------------------------------------------------------------


def test_only_what_has_expired_is_purged_whatever_its_number(idp: Terminal) -> None:
    now = datetime.now(UTC)
    link = {"kind": "reset", "flow_id": "f", "email_key": "a@b.test", "created_at": LONG_AGO}
    with idp.transaction() as db:
        expired = [{**link, "digest": f"{n:064d}", "expires_at": LONG_AGO} for n in range(1203)]
        db.execute(insert(Link), [*expired, {**link, "digest": "z" * 64, "expires_at": now + timedelta(hours=1)}])
        a_mail(db, id_="old", created_at=LONG_AGO, state="sent")
        a_mail(db, id_="waiting", created_at=LONG_AGO)
    counted = {one["what"]: one["rows"] for one in idp.ok("purge", "--dry-run")}
    assert {one["what"]: one["rows"] for one in idp.ok("purge")} == counted
    assert counted["links"] == 1203
    assert counted["mails"] == 1
    with idp.reading() as db:
        assert db.scalars(select(func.count()).select_from(Link)).one() == 1
        assert db.scalars(select(OutboxMail.id)).all() == ["waiting"]
    assert all(one["rows"] == 0 for one in idp.ok("purge"))


# --- doctor ----------------------------------------------------------------------------------------------------------


def levels(idp: Terminal) -> dict[str, str]:
    return {one["check"]: one["level"] for one in idp.run("doctor", "--output", "json").data}


def test_the_doctor_is_content_with_a_provider_that_is_ready(mail_idp: Terminal, tmp_path: Path) -> None:
    published(mail_idp, tmp_path)
    mail_idp.agency("ADB/TLS01")
    mail_idp.ok(
        *("clients", "create", "--name", "P", "--agency", "ADB/TLS01", "--redirect-uri", "https://p.example/retour"),
        *("--default-portal", "--initiate-login-uri", "https://p.example/entrer"),
    )
    # The tests own their PostgreSQL, so the service runs with more rights than it needs, and is told so.
    owner = {"database role"} if os.environ["IDP_DATABASE_URL"].startswith("postgresql") else set()
    assert {check for check, level in levels(mail_idp).items() if level != "ready"} == owner
    assert mail_idp.run("doctor").code == 0


def test_the_doctor_finds_missing_terms_and_a_mail_server_that_is_away(
    sqlite_idp: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDP_SMTP_PORT", "1")
    found = levels(sqlite_idp)
    assert found["terms"] == "broken"
    assert found["mail server"] == "broken"
    assert found["agencies"] == "care"
    assert sqlite_idp.run("doctor").code == 1


def test_the_doctor_finds_the_development_secret_and_http_on_a_public_host(
    sqlite_idp: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDP_ISSUER", "http://compte.example")
    found = levels(sqlite_idp)
    assert found["issuer"] == "broken"
    assert found["secret"] == "broken"
    assert found["password policy"] == "care"


def test_the_doctor_says_who_may_register_and_what_a_conformance_run_left_open(
    sqlite_idp: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert levels(sqlite_idp)["other clients"] == "ready"
    monkeypatch.setenv("IDP_REGISTRATION", "token")
    assert levels(sqlite_idp)["other clients"] == "ready"
    monkeypatch.setenv("IDP_IMPLICIT_ALLOWED", "true")
    assert levels(sqlite_idp)["other clients"] == "care"
    monkeypatch.setenv("IDP_IMPLICIT_ALLOWED", "false")
    monkeypatch.setenv("IDP_REGISTRATION", "open")
    assert levels(sqlite_idp)["other clients"] == "care"


def test_the_doctor_finds_certificates_that_are_none_and_does_not_take_them_for_secrets(
    sqlite_idp: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    authority.file.chmod(0o644)
    monkeypatch.setenv("IDP_FETCH_CA_FILE", str(authority.file))
    assert levels(sqlite_idp)["certificates"] == "ready"
    assert "secret files" not in levels(sqlite_idp)
    authority.file.write_text("nothing", encoding="utf-8")
    assert levels(sqlite_idp)["certificates"] == "broken"


def test_the_doctor_finds_a_secret_file_that_everybody_reads(
    sqlite_idp: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "smtp-password"
    file.write_text("x", encoding="utf-8")
    monkeypatch.setenv("IDP_SMTP_PASSWORD_FILE", str(file))
    file.chmod(0o644)
    assert levels(sqlite_idp)["secret files"] == "broken"
    file.chmod(0o600)
    assert levels(sqlite_idp)["secret files"] == "ready"


def test_the_doctor_finds_keys_of_another_master_secret(sqlite_idp: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDP_SECRET_KEY", "another-master-secret-of-32-characters-or-more")
    assert levels(sqlite_idp)["signing keys"] == "broken"


def test_the_doctor_finds_mails_that_wait_for_too_long(idp: Terminal) -> None:
    with idp.transaction() as db:
        a_mail(db, created_at=datetime.now(UTC) - timedelta(minutes=20))
    assert levels(idp)["outbox"] == "care"
    with idp.transaction() as db:
        a_mail(db, id_="m2", created_at=LONG_AGO)
    assert levels(idp)["outbox"] == "broken"


def test_the_doctor_says_what_is_wrong_without_a_database(no_settings: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDP_DATABASE_URL", "postgresql+psycopg://idp@127.0.0.1:1/idp")
    assert levels(Terminal())["database"] == "broken"
    monkeypatch.setenv("IDP_NOPE", "1")
    assert levels(Terminal()) == {"settings": "broken"}


def test_the_mail_tests_speak_to_a_real_server(mailbox: Mailbox) -> None:
    with smtplib.SMTP("127.0.0.1", mailbox.port) as server:
        assert server.noop()[0] == 250
