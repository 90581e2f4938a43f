"""`idp accounts disable|enable|export|erase`: what an operator types and reads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from idp.accounts.tables import Account, ProvisionalAccount
from idp.audit.tables import AuditEvent
from tests.cli.terminal import Terminal
from tests.cli.test_accounts import EMAIL, SUB, people

__all__ = ["people"]


def events(idp: Terminal) -> list[tuple[str, str | None]]:
    with idp.reading() as db:
        found = select(AuditEvent.name, AuditEvent.subject).where(AuditEvent.name.startswith("cli.account-"))
        return [tuple(row) for row in db.execute(found.order_by(AuditEvent.id))]


def test_an_account_is_closed_and_opened_again(people: Terminal) -> None:
    people.run("accounts", "disable", EMAIL, "--dry-run")
    assert people.ok("accounts", "show", SUB)["state"] == "active"

    assert "is disabled" in people.run("accounts", "disable", EMAIL).err
    assert people.ok("accounts", "show", SUB)["state"] == "disabled"
    assert people.ok("sessions", "list", SUB) == []
    assert "disabled already" in people.run("accounts", "disable", SUB).err

    assert "is enabled" in people.run("accounts", "enable", SUB).err
    assert "enabled already" in people.run("accounts", "enable", SUB).err
    assert people.ok("accounts", "show", SUB)["state"] == "active"
    assert events(people) == [("cli.account-disabled", SUB), ("cli.account-enabled", SUB)]


def test_an_export_is_told_in_the_trail_and_names_agencies_by_their_codes(people: Terminal) -> None:
    found = people.ok("accounts", "export", EMAIL)

    assert found["sub"] == SUB
    assert found["provisional_accounts"][0]["agency_id"] == "ADB/TLS01"
    assert [one["reference"] for one in found["contracts"]] == ["V1", "V2"]
    assert events(people) == [("cli.account-exported", SUB)]
    letter = people.ok("accounts", "export", "ADB/TLS01/P1")
    assert letter["sub"] is None
    assert letter["provisional_accounts"][0]["first_name"] == "Paul"


def test_an_erasure_asks_says_whom_to_tell_and_can_be_repeated(people: Terminal) -> None:
    assert people.run("accounts", "erase", EMAIL).code == 2
    people.run("accounts", "erase", EMAIL, "--dry-run")
    assert people.ok("accounts", "show", SUB)["email"] == EMAIL

    erased = people.ok("accounts", "erase", EMAIL, "--yes")

    assert (erased["sub"], erased["agencies"]) == (SUB, ["ADB/TLS01"])
    assert people.run("accounts", "erase", EMAIL, "--yes").code == 3
    assert "erased already" in people.run("accounts", "erase", SUB, "--yes").err
    assert people.run("accounts", "enable", SUB).code == 4
    assert people.run("accounts", "disable", SUB).code == 4
    assert people.run("accounts", "show", "ADB/TLS01/TLS01100000").code == 3
    assert events(people) == [("cli.account-erased", SUB)]
    with people.reading() as db:
        assert db.scalars(select(Account.state)).all() == ["erased"]


def test_a_letter_that_is_part_of_an_account_is_not_erased_by_its_identifier(people: Terminal) -> None:
    refused = people.run("accounts", "erase", "ADB/TLS01/TLS01100000", "--yes")

    assert refused.code == 4
    assert SUB in refused.sentence


def test_a_letter_that_is_nobodys_account_is_erased_by_its_identifier(people: Terminal) -> None:
    assert people.ok("accounts", "erase", "ADB/TLS01/p1", "--yes")["agencies"] == ["ADB/TLS01"]

    assert people.run("accounts", "erase", "ADB/TLS01/P1", "--yes").code == 3
    with people.reading() as db:
        assert db.scalars(select(ProvisionalAccount.identifier).order_by(ProvisionalAccount.identifier)).all() == [
            "TLS01100000",
            "Z1",
        ]


def test_an_import_after_an_erasure_makes_a_new_letter(people: Terminal, tmp_path: Path) -> None:
    people.ok("accounts", "erase", SUB, "--yes")

    again = people.ok("accounts", "import", str(tmp_path / "export.csv"))

    assert again["created"] == 1
    assert people.ok("accounts", "show", "ADB/TLS01/TLS01100000")["state"] == "open"


@pytest.mark.parametrize("verb", ["disable", "enable", "export"])
def test_nobody_is_not_found(people: Terminal, verb: str) -> None:
    assert people.run("accounts", verb, "nobody@exemple.test").code == 3


def test_letters_of_a_former_secret_are_erased_at_once_and_others_stay(
    people: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They were to be erased one by one, in the hours in which nobody has the time for it."""
    monkeypatch.setattr("idp.rights.letters.BATCH", 1)
    _copies(people, 3)
    assert people.run("accounts", "erase-letters", "--yes").code == 4

    monkeypatch.setenv("IDP_SECRET_KEY", "another-master-secret-of-fifty-characters-and-more-")
    people.run("keys", "renew", "--yes")
    people.run("keys", "renew", "--yes")  # forgets nothing, and is no other secret
    _copies(people, 2, prefix="NEW", created_at=datetime.now(UTC) + timedelta(hours=1))
    assert people.run("accounts", "erase-letters").code == 2
    assert "5 letters would be erased" in people.run("accounts", "erase-letters", "--dry-run").err

    assert people.ok("accounts", "erase-letters", "--yes") == [
        {"agency": "ADB/TLS01", "letters": 4},
        {"agency": "ADB/TLS02", "letters": 1},
    ]

    assert people.run("accounts", "show", "ADB/TLS01/P1").code == 3
    assert people.ok("accounts", "show", SUB)["memberships"]
    with people.reading() as db:
        left = set(db.scalars(select(ProvisionalAccount.identifier)))
        told = select(AuditEvent.details).where(AuditEvent.name == "cli.letters-erased")
        assert left == {"TLS01100000", "NEW0", "NEW1"}
        assert db.scalars(told).one() == {"letters": 5, "agencies": ["ADB/TLS01", "ADB/TLS02"]}


def _copies(people: Terminal, count: int, *, prefix: str = "COPY", **columns: object) -> None:
    """More letters like the one that waits."""
    with people.transaction() as db:
        table = ProvisionalAccount.__table__
        row = dict(db.execute(select(table).where(ProvisionalAccount.identifier == "P1")).mappings().one())
        for n in range(count):
            name = f"{prefix}{n}"
            db.execute(insert(table).values({**row, "id": name, "identifier": name, "identifier_key": name, **columns}))
