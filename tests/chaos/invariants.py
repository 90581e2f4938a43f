"""What is true at the end of every seed, whatever happened: each a function with its rule for a name."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

from sqlalchemy import Select, select

from idp.accounts.tables import Account, Membership, ProvisionalAccount
from idp.links.tables import Link
from idp.mail.tables import OutboxMail
from idp.oidc.authorize.tables import AuthorizationCode, AuthorizationRequest
from idp.sessions.tables import BrowserSession
from idp.terms.tables import TermsAcceptance
from idp.upgrade.tables import UpgradeFlow
from tests.chaos.people import Chaos, Human

Rule = Callable[["Stored", Chaos], None]
RULES: list[Rule] = []


def rule(function: Rule) -> Rule:
    RULES.append(function)
    return function


class Stored:
    """The rows of one seed: those of its people's letters and addresses."""

    def __init__(self, chaos: Chaos) -> None:
        self._chaos = chaos
        self.owner_of_letter = {held.letter.id: human for human in chaos.humans for held in human.letters}
        self.owner_of_address = {a.casefold(): human for human in chaos.humans for a in human.addresses}
        mine = list(self.owner_of_letter)
        addresses = list(self.owner_of_address)
        clients = [office.portal.client_id for office in chaos.portals.offices]
        self.letters = self.rows(select(ProvisionalAccount).where(ProvisionalAccount.id.in_(mine)))
        self.memberships = self.rows(select(Membership).where(Membership.provisional_account_id.in_(mine)))
        self.accounts = self.rows(select(Account).where(Account.email_key.in_(addresses)))
        self.upgrades = self.rows(select(UpgradeFlow).where(UpgradeFlow.provisional_account_id.in_(mine)))
        self.links = self.rows(select(Link).where(Link.email_key.in_(addresses)))
        self.mails = self.rows(select(OutboxMail).where(OutboxMail.recipient.in_(addresses)))
        self.requests = self.rows(select(AuthorizationRequest).where(AuthorizationRequest.client_id.in_(clients)))
        self.codes = self.rows(select(AuthorizationCode).where(AuthorizationCode.client_id.in_(clients)))
        ids = [account.id for account in self.accounts]
        self.sessions = self.rows(
            select(BrowserSession).where(
                BrowserSession.account_id.in_(ids), BrowserSession.authenticated_at > chaos.began
            )
        )
        self.acceptances = self.rows(select(TermsAcceptance).where(TermsAcceptance.account_id.in_(ids)))

    def rows(self, statement: Select[Any]) -> list[Any]:
        with self._chaos.world.reading() as db:
            return list(db.scalars(statement))

    def owner_of_account(self, account_id: str) -> Human | None:
        """The person whose address an account has."""
        found = [account for account in self.accounts if account.id == account_id]
        return self.owner_of_address[found[0].email_key] if found else None


@rule
def a_letter_is_closed_exactly_when_it_has_its_one_membership(stored: Stored, _: Chaos) -> None:
    members = Counter(membership.provisional_account_id for membership in stored.memberships)
    for letter in stored.letters:
        assert members[letter.id] == (1 if letter.closed_at else 0), letter.identifier


@rule
def a_letter_belongs_to_an_account_of_its_own_person(stored: Stored, _: Chaos) -> None:
    for membership in stored.memberships:
        owner = stored.owner_of_letter[membership.provisional_account_id]
        assert stored.owner_of_account(membership.account_id) is owner, membership.id


@rule
def every_account_has_a_membership_and_accepted_the_terms(stored: Stored, _: Chaos) -> None:
    joined = {membership.account_id for membership in stored.memberships}
    accepted = {acceptance.account_id for acceptance in stored.acceptances}
    for account in stored.accounts:
        assert account.id in joined, f"half-made: {account.email}"
        assert account.id in accepted, f"without terms: {account.email}"


@rule
def an_address_has_one_account(stored: Stored, _: Chaos) -> None:
    written = Counter(account.email.casefold() for account in stored.accounts)
    assert all(count == 1 for count in written.values()), written


@rule
def an_account_of_a_merge_was_there_before(stored: Stored, _: Chaos) -> None:
    """Each account comes from one upgrade; every other letter of it was merged."""
    origins = defaultdict(list)
    for membership in stored.memberships:
        origins[membership.account_id].append(membership.origin)
    for account_id, found in origins.items():
        assert found.count("upgrade") == 1, f"{account_id}: {found}"
        assert set(found) <= {"upgrade", "merge"}, found


@rule
def a_session_is_of_someone_who_typed_a_secret_at_that_browser(stored: Stored, chaos: Chaos) -> None:
    for session in stored.sessions:
        owner = stored.owner_of_account(session.account_id)
        devices = [device for device in chaos.devices if session.browser_digest in device.digests]
        assert devices, "a session of no known browser"
        assert owner is not None
        assert owner.name in devices[0].proved, f"{owner.name} proved nothing at {devices[0].name}"


@rule
def a_finished_upgrade_keeps_no_password(stored: Stored, _: Chaos) -> None:
    for flow in stored.upgrades:
        if flow.state in ("completed", "cancelled", "handed_to_merge"):
            assert flow.password_hash is None, flow.state
        assert (flow.state == "completed") == (flow.account_id is not None), flow.state


@rule
def each_question_of_a_portal_is_answered_at_most_once(stored: Stored, chaos: Chaos) -> None:
    """Each stored request once; and each time that a browser came with it and a sign-in was there, so it was not stored."""
    arrived = Counter(visit.asked.state for visit in chaos.portals.visits)
    asked: defaultdict[str, list[Any]] = defaultdict(list)
    for request in stored.requests:
        asked[request.parameters["state"]].append(request)
    for state, count in arrived.items():
        answered = sum(request.answered_at is not None for request in asked[state])
        at_once = chaos.portals.asked[state].opened - bool(asked[state])
        assert count <= answered + at_once, f"too many answers: {state} came {count} times, {answered} rows answered"


@rule
def a_question_is_answered_in_the_browser_that_it_waits_for(stored: Stored, chaos: Chaos) -> None:
    for request in stored.requests:
        asked = chaos.portals.asked[request.parameters["state"]]
        assert request.parameters["redirect_uri"] == asked.office.portal.redirect_uri
        if request.answered_at is not None and not asked.carried:
            assert request.browser_digest in asked.device.digests, "answered in another browser"


@rule
def a_code_is_of_one_grant_and_spent_at_most_once(stored: Stored, chaos: Chaos) -> None:
    grants = Counter(code.grant_id for code in stored.codes)
    assert all(count == 1 for count in grants.values()), grants
    redeemed = sum(visit.sub is not None for visit in chaos.portals.visits)
    assert sum(code.consumed_at is not None for code in stored.codes) == redeemed


@rule
def each_mail_has_a_cause(stored: Stored, chaos: Chaos) -> None:
    """No more mails of a kind than acts that ask for one: second clicks, reloads and scanners send none."""
    sent, acts = Counter(mail.kind for mail in stored.mails if mail.state != "discarded"), chaos.traffic.sent
    merges = sum(membership.origin == "merge" for membership in stored.memberships)
    assert sent["verify_address"] <= acts["upgrade/password"] + acts["upgrade/resend"], (
        f"more mails than acts: {sent} {acts}"
    )
    assert sent["reset_password"] + sent["activate_first"] <= acts["reset"], f"more mails than acts: {sent} {acts}"
    assert sent["password_changed"] <= acts["reset/confirm"] + acts["profile/password"], (
        f"more mails than acts: {sent} {acts}"
    )
    assert sent["account_merged"] == merges, f"more mails than merges: {sent} {merges}"


@rule
def a_spent_link_did_something_once(stored: Stored, _: Chaos) -> None:
    spent = Counter((link.flow_id, link.kind.startswith("upgrade")) for link in stored.links if link.consumed_at)
    assert all(count == 1 for count in spent.values()), spent
