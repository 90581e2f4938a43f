"""Finding, showing and unlocking people: `idp accounts search|show|unlock`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from idp.accounts import store
from idp.accounts.tables import ProvisionalAccount
from idp.app import make_deps
from idp.errors import TooManyAttempts
from idp.sessions import store as sessions
from idp.settings import load
from idp.throttle import store as throttle
from idp.throttle.tables import ThrottleCounter
from tests.cli.terminal import Terminal
from tests.importing.builders import a_line, an_export

SUB = "sub-of-lea-0123456789"
EMAIL = "Lea.Martin@exemple.test"


@pytest.fixture
def people(idp: Terminal, tmp_path: Path) -> Terminal:
    """Léa, whose letter TLS01100000 is her account; Paul and Zoé, whose letters are open."""
    for codes in ("ADB/TLS01", "ADB/TLS02"):
        idp.agency(codes)
    lines = (
        a_line(contracts="V1, V2"),
        a_line(identifier="P1", last_name="DUPOND", first_name="Paul", email="", company_name="SCI Les Lilas"),
        a_line(identifier="Z1", last_name="ÉTÉ", first_name="Zoé", email="zoe@exemple.test", company="TLS02"),
    )
    idp.ok("accounts", "import", str(an_export(tmp_path / "export.csv", *lines)))
    now = datetime.now(UTC)
    with idp.transaction() as db:
        letter_id = db.scalars(
            select(ProvisionalAccount.id).where(ProvisionalAccount.identifier == "TLS01100000")
        ).one()
        store.close_letter(db, letter_id, now=now)
        key = EMAIL.lower()
        store.create_account(db, account_id=SUB, email=EMAIL, email_key=key, password_hash="x", now=now)
        letter = store.letter(db, letter_id)
        store.join(db, membership_id="m1", account_id=SUB, letter=letter, origin="upgrade", now=now)
        sessions.start(db, make_deps(load()), account_id=SUB, email="anne@exemple.fr", browser_digest="b", token="t")
    return idp


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["martin"], ["TLS01100000"]),
        (["DUPOND", "paul"], ["P1"]),
        (["lilas"], ["P1"]),
        (["zoe@"], ["Z1"]),
        (["été"], ["Z1"]),
        (["tls01-1000"], ["TLS01100000"]),
        (["lea.martin"], ["TLS01100000"]),
        (["martin", "paul"], []),
        (["100%"], []),
        (["nobody"], []),
    ],
)
def test_people_are_found_by_every_word_of_name_address_or_identifier(
    people: Terminal, words: list[str], found: list[str]
) -> None:
    assert [one["identifier"] for one in people.ok("accounts", "search", *words)] == found


def test_a_search_may_be_of_one_agency_and_says_when_it_is_cut(people: Terminal) -> None:
    assert len(people.ok("accounts", "search", "exemple.test", "--agency", "ADB/TLS02")) == 1
    answer = people.run("accounts", "search", "a", "--limit", "1")
    assert len(answer.data) == 1
    assert "only the first 1" in answer.err


def test_a_letter_tells_its_state(people: Terminal) -> None:
    assert people.ok("accounts", "show", "ADB/TLS01/p1")["state"] == "open"
    with people.transaction() as db:
        past = datetime.now(UTC) - timedelta(days=1)
        db.execute(update(ProvisionalAccount).where(ProvisionalAccount.identifier == "P1").values(expires_at=past))
    assert people.ok("accounts", "show", "ADB/TLS01/p1")["state"] == "expired"


@pytest.mark.parametrize("who", [EMAIL, EMAIL.upper(), SUB, "adb/tls01/tls01 100000"])
def test_an_account_is_shown_by_address_sub_or_letter(people: Terminal, who: str) -> None:
    shown = people.ok("accounts", "show", who)
    assert (shown["sub"], shown["email"], shown["state"], shown["sessions"]) == (SUB, EMAIL, "active", 1)
    [place] = shown["memberships"]
    assert (place["societe"], place["state"]) == ("TLS01", "upgraded")
    assert [contract["reference"] for contract in place["contracts"]] == ["V1", "V2"]


def test_no_credential_is_shown(people: Terminal) -> None:
    out = people.run("accounts", "show", SUB).out + people.run("accounts", "show", "ADB/TLS01/P1").out
    assert "$2b$" not in out
    assert "digest" not in out
    assert "hash" not in out


@pytest.mark.parametrize("who", ["nobody@exemple.test", "no-such-sub", "ADB/TLS01/NOBODY", "ADB/NOWHERE/P1"])
def test_who_is_not_there_is_not_found(people: Terminal, who: str) -> None:
    assert people.run("accounts", "show", who).code == 3


@pytest.mark.parametrize("who", [EMAIL, SUB, "ADB/TLS01/TLS01100000"])
def test_unlocking_forgets_the_attempts_on_the_account_and_on_its_letters(people: Terminal, who: str) -> None:
    deps = make_deps(load())
    with people.transaction() as db:
        agency_id = db.scalars(select(ProvisionalAccount.agency_id).where(ProvisionalAccount.identifier == "P1")).one()
    subjects = (EMAIL.lower(), f"{agency_id}:TLS01100000")
    for subject in subjects:
        with pytest.raises(TooManyAttempts):  # noqa: PT012 - as many as it takes
            while True:
                with people.transaction() as db:
                    throttle.admit(db, deps, throttle.account(deps.settings, subject))
    people.run("accounts", "unlock", who, "--dry-run")
    with people.reading() as db:
        assert db.scalars(select(func.count()).select_from(ThrottleCounter)).one() == 2
    assert people.run("accounts", "unlock", who).code == 0
    with people.transaction() as db:
        for subject in subjects:
            throttle.admit(db, deps, throttle.account(deps.settings, subject))


def test_attempts_on_an_address_that_nobody_has_are_forgotten_too(people: Terminal) -> None:
    deps = make_deps(load())
    with people.transaction() as db:
        throttle.admit(db, deps, throttle.account(deps.settings, "nobody@exemple.test"))
    assert people.run("accounts", "unlock", "nobody@exemple.test").code == 0
    with people.reading() as db:
        assert db.scalars(select(func.count()).select_from(ThrottleCounter)).one() == 0
