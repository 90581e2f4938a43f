"""`idp accounts import` as a whole, on SQLite and on PostgreSQL."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from idp.accounts import store as accounts
from idp.accounts.tables import Account, Contract, Membership, ProvisionalAccount
from idp.app import make_deps
from idp.audit.tables import AuditEvent
from idp.deps import Deps
from idp.settings import load
from tests.cli.terminal import Terminal
from tests.importing.builders import TITLES, a_line, an_export

EXPORT = Path(__file__).parent / "data" / "export.csv"
AGENCIES = ("ADB/TLS01", "ADB/TLS02", "ADB/MTP01", "RESID-SUD/0042")


@pytest.fixture
def agencies(idp: Terminal) -> Terminal:
    """A terminal with the four agencies of the export."""
    for codes in AGENCIES:
        idp.agency(codes, name=f"Agence {codes}")
    return idp


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "export.csv"


def counts(answer: dict[str, Any]) -> tuple[int, ...]:
    """created, updated, unchanged, refused, duplicates, warnings."""
    return tuple(answer[name] for name in ("created", "updated", "unchanged", "refused", "duplicates", "warnings"))


def imported(idp: Terminal, path: Path, *more: str) -> dict[str, Any]:
    answer: dict[str, Any] = idp.ok("accounts", "import", str(path), "--output", "json", *more)
    return answer


def stored(db: Session, identifier: str) -> ProvisionalAccount:
    return db.scalars(select(ProvisionalAccount).where(ProvisionalAccount.identifier_key == identifier)).one()


def references(db: Session, letter: ProvisionalAccount) -> list[str]:
    statement = select(Contract.reference).where(Contract.provisional_account_id == letter.id)
    return list(db.scalars(statement.order_by(Contract.position)))


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as opened:
        return list(csv.DictReader(opened, delimiter=";"))


@contextmanager
def a_service(idp: Terminal) -> Iterator[tuple[Session, Deps]]:
    """The database with the dependencies of the web service, which checks passwords."""
    with idp.reading() as db:
        yield db, make_deps(load())


# --- the export of the specification, reduced to a line for each of its mistakes ------------------------------------


def test_every_line_of_an_agencys_export_is_answered(agencies: Terminal, tmp_path: Path) -> None:
    answer = imported(agencies, EXPORT, "--letters", str(tmp_path / "letters.csv"))
    assert counts(answer) == (23, 0, 0, 5, 1, 5)
    assert answer["letters"] == 6
    told = {(line["line"], line["outcome"]): line["reason"] for line in answer["lines"]}
    assert told == {
        (10, "duplicate"): "répète la ligne 9",
        (16, "refused"): "identifiant déjà donné ligne 15 à une autre personne ; la première est gardée",
        (22, "refused"): "rôle inconnu : « Gardien »",
        (23, "refused"): "7 colonnes au lieu de 16",
        (24, "refused"): "identifiant manquant",
        (25, "refused"): "agence inconnue : code client ADB, code société ZZZ99",
        (26, "warning"): "adresse email non valide, ignorée : « a@ »",
        (27, "warning"): "adresse email non valide, ignorée : « tel 0612 »",
        (28, "warning"): "adresse email non valide, ignorée : « néant »",
        (29, "warning"): "adresse email non valide, ignorée : « - »",
        (30, "warning"): "adresse email non valide, ignorée : « x@@exemple.fr »",
    }


def test_a_person_is_stored_as_the_agency_meant(agencies: Terminal) -> None:
    imported(agencies, EXPORT)
    with agencies.reading() as db:
        letter = stored(db, "0042100042")
        assert (letter.last_name, letter.first_name, letter.civility) == ("LE GALL", "Honoré", "M. et Mme")
        assert letter.role == "proprietaire"
        assert letter.mandate == "9809"
        assert stored(db, "TLS01100002").phone == "+33264159240"
        assert references(db, stored(db, "TLS01100002")) == ["V42696", "L97362"]
        assert stored(db, "TLS02100043").suggested_email == "tristan.ferrand336@courriel.exemple"
        assert stored(db, "TLS01100111").city == '=HYPERLINK("http://exemple.test";"ici")'
        assert stored(db, "MTP01100124").suggested_email is None


def test_the_same_identifier_at_two_agencies_is_two_letters(agencies: Terminal) -> None:
    imported(agencies, EXPORT)
    found = agencies.ok("accounts", "search", "0042100041")
    assert [(one["client"], one["societe"]) for one in found] == [("ADB", "TLS01"), ("RESID-SUD", "0042")]


def test_importing_again_changes_nothing(agencies: Terminal) -> None:
    imported(agencies, EXPORT)
    with agencies.reading() as db:
        before = [dict(row) for row in db.execute(select(ProvisionalAccount.__table__)).mappings()]
    assert counts(imported(agencies, EXPORT)) == (0, 0, 23, 5, 1, 5)
    with agencies.reading() as db:
        assert [dict(row) for row in db.execute(select(ProvisionalAccount.__table__)).mappings()] == before


def test_a_dry_run_tells_the_same_and_changes_nothing(agencies: Terminal, tmp_path: Path) -> None:
    letters = tmp_path / "letters.csv"
    dry = imported(agencies, EXPORT, "--dry-run", "--letters", str(letters))
    assert not letters.exists()
    with agencies.reading() as db:
        assert db.scalars(select(ProvisionalAccount.id)).all() == []
        assert [name for name in db.scalars(select(AuditEvent.name)) if "import" in name] == []
    real = imported(agencies, EXPORT, "--letters", str(letters))
    assert {**dry, "dry_run": False} == real


# --- what a second import changes -------------------------------------------------------------------------------------


def test_person_and_contracts_are_updated_and_credentials_are_not(agencies: Terminal, file: Path) -> None:
    imported(agencies, an_export(file, a_line(password="first-password", contracts="V1, V2")))
    with agencies.reading() as db:
        before = stored(db, "TLS01100000")
        kept = (before.id, before.password_digest, before.expires_at, before.created_at)
    changed = a_line(password="second-password", city="Albi", contracts="V2, V3", role="Propriétaire", mandate="7")
    assert counts(imported(agencies, an_export(file, changed)))[:3] == (0, 1, 0)
    with a_service(agencies) as (db, deps):
        after = stored(db, "TLS01100000")
        assert (after.id, after.password_digest, after.expires_at, after.created_at) == kept
        assert (after.city, after.role) == ("Albi", "proprietaire")
        assert references(db, after) == ["V2", "V3"]
        assert deps.hasher.verify("first-password", after.password_digest)


def test_a_letter_that_became_an_account_stays_closed_and_joined(agencies: Terminal, file: Path) -> None:
    imported(agencies, an_export(file, a_line()))
    now = datetime.now(UTC)
    with agencies.transaction() as db:
        letter = stored(db, "TLS01100000")
        accounts.close_letter(db, letter.id, now=now)
        accounts.create_account(
            db, account_id="a" * 43, email="lea@b.test", email_key="lea@b.test", password_hash="x", now=now
        )
        joined = accounts.letter(db, letter.id)
        accounts.join(db, membership_id="m", account_id="a" * 43, letter=joined, origin="upgrade", now=now)
    answer = imported(agencies, an_export(file, a_line(city="Albi", email="autre@exemple.test")))
    assert counts(answer) == (0, 1, 0, 0, 0, 0)
    with agencies.reading() as db:
        letter = stored(db, "TLS01100000")
        assert letter.closed_at is not None
        assert letter.city == "Albi"
        assert db.scalars(select(Membership.provisional_account_id)).all() == [letter.id]
        assert db.scalars(select(Account.email)).all() == ["lea@b.test"]


def test_another_name_on_a_letter_that_became_an_account_is_a_warning(agencies: Terminal, file: Path) -> None:
    """Agencies give identifiers again; the account's owner would see somebody else's contracts."""
    imported(agencies, an_export(file, a_line()))
    with agencies.transaction() as db:
        db.execute(update(ProvisionalAccount).values(closed_at=datetime.now(UTC)))
    answer = imported(agencies, an_export(file, a_line(last_name="AUTRE", first_name="Paul")))
    assert [line["outcome"] for line in answer["lines"]] == ["warning"]
    assert "le nom a changé" in answer["lines"][0]["reason"]


# --- repeated lines ---------------------------------------------------------------------------------------------------


def test_identifiers_are_compared_as_people_type_them(agencies: Terminal, file: Path) -> None:
    answer = imported(agencies, an_export(file, a_line(identifier="tls-01 100000"), a_line(identifier="TLS01100000")))
    assert counts(answer)[:5] == (1, 0, 0, 0, 1)


def test_the_first_line_of_an_identifier_wins_across_batches(agencies: Terminal, file: Path) -> None:
    many = [a_line(identifier=f"T{n}", password="") for n in range(1200)]
    first, again, other = a_line(identifier="X"), a_line(identifier="X"), a_line(identifier="X", last_name="AUTRE")
    answer = imported(agencies, an_export(file, first, *many, again, other))
    assert counts(answer)[:5] == (1201, 0, 0, 1, 1)
    assert [line["line"] for line in answer["lines"]] == [1203, 1204]
    assert counts(imported(agencies, file))[:5] == (0, 0, 1201, 1, 1)


def test_the_same_person_with_other_contracts_is_refused_with_advice(agencies: Terminal, file: Path) -> None:
    answer = imported(agencies, an_export(file, a_line(contracts="V1"), a_line(contracts="V2")))
    assert "plusieurs contrats se mettent sur une seule ligne" in answer["lines"][0]["reason"]


def test_a_refused_line_does_not_take_the_identifier(agencies: Terminal, file: Path) -> None:
    assert counts(imported(agencies, an_export(file, a_line(role="Gardien"), a_line())))[:4] == (1, 0, 0, 1)


# --- passwords and letters --------------------------------------------------------------------------------------------


def test_a_given_password_opens_the_letter_and_is_in_no_file(agencies: Terminal, file: Path, tmp_path: Path) -> None:
    letters = tmp_path / "letters.csv"
    imported(agencies, an_export(file, a_line(password="xu2mjee9")), "--letters", str(letters))
    with a_service(agencies) as (db, deps):
        letter = stored(db, "TLS01100000")
        assert letter.password_digest.startswith("$2b$04$")
        assert letter.sealed_password is None
        assert deps.hasher.verify("xu2mjee9", letter.password_digest)
    assert rows_of(letters) == []
    assert "xu2mjee9" not in letters.read_text(encoding="utf-8-sig")


def test_a_made_password_leaves_in_the_letters_file_and_opens_the_letter(
    agencies: Terminal, file: Path, tmp_path: Path
) -> None:
    letters = tmp_path / "letters.csv"
    answer = imported(agencies, an_export(file, a_line(password="", city="=1+1")), "--letters", str(letters))
    assert answer["letters"] == 1
    [row] = rows_of(letters)
    assert letters.stat().st_mode & 0o777 == 0o600
    assert letters.read_bytes().startswith(b"\xef\xbb\xbfclient;societe;agence;")
    assert (row["client"], row["societe"], row["agence"]) == ("ADB", "TLS01", "Agence ADB/TLS01")
    assert (row["nom"], row["identifiant"], row["ville"]) == ("MARTIN", "TLS01100000", "'=1+1")
    assert row["url"].endswith("/login/provisional?client=ADB&societe=TLS01")
    with a_service(agencies) as (db, deps):
        letter = stored(db, "TLS01100000")
        assert letter.sealed_password is None
        assert deps.hasher.verify(row["mot_de_passe"], letter.password_digest)
        assert letter.expires_at - letter.created_at == timedelta(days=deps.settings.letter_validity_days)


def test_without_a_letters_file_passwords_wait_sealed_for_the_next_one(
    agencies: Terminal, file: Path, tmp_path: Path
) -> None:
    letters = tmp_path / "letters.csv"
    an_export(file, *[a_line(identifier=f"T{n}", password="") for n in range(5)])
    answer = imported(agencies, file)
    assert (answer["letters"], answer["letters_waiting"]) == (0, 5)
    with agencies.reading() as db:
        sealed = db.scalars(select(ProvisionalAccount.sealed_password)).all()
        assert all(value is not None and len(value) <= 200 for value in sealed)
    answer = imported(agencies, file, "--letters", str(letters))
    assert (answer["unchanged"], answer["letters"], answer["letters_waiting"]) == (5, 5, 0)
    with a_service(agencies) as (db, deps):
        for row in rows_of(letters):
            letter = stored(db, row["identifiant"])
            assert letter.sealed_password is None
            assert deps.hasher.verify(row["mot_de_passe"], letter.password_digest)
    assert len(rows_of(letters)) == 5


def test_passwords_of_other_agencies_keep_waiting(agencies: Terminal, file: Path, tmp_path: Path) -> None:
    imported(agencies, an_export(file, a_line(password=""), a_line(password="", company="TLS02")))
    other = an_export(tmp_path / "other.csv", a_line(password="", company="TLS02"))
    answer = imported(agencies, other, "--letters", str(tmp_path / "letters.csv"))
    assert [row["societe"] for row in rows_of(tmp_path / "letters.csv")] == ["TLS02"]
    assert answer["letters"] == 1
    assert agencies.ok("agencies", "show", "ADB/TLS01")["letters_waiting"] == 1


def test_no_password_is_printed_reported_or_audited(agencies: Terminal, file: Path, tmp_path: Path) -> None:
    letters, report = tmp_path / "letters.csv", tmp_path / "report.csv"
    an_export(file, a_line(password="geheim77"), a_line(identifier="T2", password=""))
    answer = agencies.run("accounts", "import", str(file), "--letters", str(letters), "--report", str(report))
    made = rows_of(letters)[0]["mot_de_passe"]
    with agencies.reading() as db:
        audited = json.dumps([event.details for event in db.scalars(select(AuditEvent))])
    for text in (answer.out, answer.err, report.read_text(encoding="utf-8-sig"), audited):
        assert "geheim77" not in text
        assert made not in text


# --- the command ------------------------------------------------------------------------------------------------------


def test_the_report_has_every_line_in_order_with_its_reason(agencies: Terminal, tmp_path: Path) -> None:
    report = tmp_path / "report.csv"
    imported(agencies, EXPORT, "--report", str(report))
    rows = rows_of(report)
    assert [int(row["line"]) for row in rows] == sorted([*range(2, 31), 26, 27, 28, 29, 30])
    assert rows[0] == {"line": "2", "outcome": "created", "identifier": "TLS01100000", "reason": ""}


def test_refused_lines_do_not_fail_the_import(agencies: Terminal, file: Path) -> None:
    assert agencies.run("accounts", "import", str(an_export(file, a_line(role="?"), a_line()))).code == 0


@pytest.mark.parametrize("lines", [[], [a_line(role="Gardien")]])
def test_a_file_of_which_nothing_can_be_imported_fails(agencies: Terminal, file: Path, lines: list[str]) -> None:
    assert agencies.run("accounts", "import", str(an_export(file, *lines))).code == 1


def test_a_file_that_cannot_be_read_fails_with_one_sentence(agencies: Terminal, file: Path) -> None:
    answer = agencies.run("accounts", "import", str(an_export(file, a_line(), encoding="utf-16")))
    assert answer.code == 1
    assert "UTF-16" in answer.sentence
    assert agencies.run("accounts", "import", str(file), "--profile", "absent").code == 2


def test_neither_letters_nor_report_may_overwrite_what_is_read(agencies: Terminal, file: Path) -> None:
    content = an_export(file, a_line()).read_bytes()
    for option in ("--letters", "--report"):
        assert agencies.run("accounts", "import", str(file), option, str(file)).code == 2
    assert file.read_bytes() == content


def test_a_run_is_audited_with_its_counts(agencies: Terminal, file: Path) -> None:
    imported(agencies, an_export(file, a_line()))
    with agencies.reading() as db:
        events = db.scalars(select(AuditEvent).where(AuditEvent.name.like("cli.import%")).order_by(AuditEvent.id)).all()
        assert [event.name for event in events] == ["cli.import-started", "cli.import-ended"]
        assert events[1].details["created"] == 1
        assert stored(db, "TLS01100000").import_run == events[0].details["run"]


def test_json_lines_and_utf8_commas_import_like_the_export(agencies: Terminal, file: Path, tmp_path: Path) -> None:
    comma = an_export(
        file, a_line(street="rue du Taur").replace(";", ","), encoding="utf-8-sig", titles=TITLES.replace(";", ",")
    )
    assert imported(agencies, comma)["created"] == 1
    cells = dict(zip(TITLES.split(";"), a_line(street="rue du Taur").split(";"), strict=True))
    lines = tmp_path / "export.jsonl"
    lines.write_text(json.dumps(cells) + "\n", encoding="utf-8")
    assert imported(agencies, lines)["unchanged"] == 1


def test_a_table_shows_some_lines_and_says_how_many_more(agencies: Terminal, file: Path) -> None:
    an_export(file, a_line(identifier="ok"), *[a_line(identifier=f"T{n}", role="Gardien") for n in range(60)])
    answer = agencies.run("accounts", "import", str(file), "--output", "table")
    assert "rôle inconnu" in answer.out
    assert "20 more" in answer.err
