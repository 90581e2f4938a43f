"""People of other tests are made at once (tests/support/members.py); this holds them to what the upgrade leaves."""

from __future__ import annotations

from sqlalchemy import select

from idp.accounts.tables import Account, Contract, Membership, ProvisionalAccount
from idp.database import db
from idp.sessions.tables import BrowserSession
from idp.terms.tables import TermsAcceptance
from tests.support.world import AgencyMade, World

# Whose rows these are, and when each was written, differs between any two people.
_OWN = {"id", "sid", "digest", "browser_digest", "identifier", "identifier_key", "email", "email_key", "password_hash"}
_OWN |= {"account_id", "provisional_account_id", "password_digest", "suggested_email"}


def _rows(world: World, letter_id: str, account_id: str) -> list[tuple[str, dict[str, object]]]:
    """Every row of a person; of what is the person's own only whether it is there."""
    mine = {
        Account: Account.id == account_id,
        Membership: Membership.account_id == account_id,
        TermsAcceptance: TermsAcceptance.account_id == account_id,
        BrowserSession: BrowserSession.account_id == account_id,
        ProvisionalAccount: ProvisionalAccount.id == letter_id,
        Contract: Contract.provisional_account_id == letter_id,
    }
    found = []
    with world.reading() as session:
        for table, condition in mine.items():
            for row in session.execute(select(table.__table__).where(condition)).mappings():
                own = {name for name in row if name in _OWN or name.endswith("_at")}
                found.append((table.__tablename__, {n: v is not None if n in own else v for n, v in row.items()}))
    return found


def test_a_person_made_at_once_is_who_the_upgrade_would_have_made(world: World) -> None:
    agency: AgencyMade = world.agency()
    (letter, at_once), (other, led) = world.member(agency), world.upgraded(agency)
    assert _rows(world, letter.id, at_once) == _rows(world, other.id, led)
    assert {table for table, _ in _rows(world, letter.id, at_once)} >= {"accounts", "memberships", "terms_acceptances"}


def test_nothing_else_names_an_account_after_its_upgrade(world: World) -> None:
    """A table that the upgrade writes to one day must be written to for the people of other tests too."""
    agency = world.agency()
    _, at_once = world.member(agency)
    _, led = world.upgraded(agency)
    with world.reading() as session:

        def naming(account_id: str) -> set[str]:
            return {
                table.name
                for table in db.metadata.sorted_tables
                if "account_id" in table.c
                and session.execute(select(table.c.account_id).where(table.c.account_id == account_id)).first()
            }

        assert naming(led) - naming(at_once) == {"upgrade_flows"}
