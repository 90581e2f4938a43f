"""Merges that are killed, paused or raced: all or nothing, once, and the person can always finish."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from sqlalchemy import select

from idp.accounts.tables import Account, Contract, Membership, ProvisionalAccount
from idp.audit.tables import AuditEvent
from idp.merge.tables import MergeFlow
from idp.patience import again
from idp.rights import steps as rights
from tests.demo.running import wait_until
from tests.faults.catalogue import fault
from tests.faults.service import There, recovery_seconds
from tests.races.test_once import at_once
from tests.support import acts
from tests.support.person import Person
from tests.support.world import OTHER_STRONG, STRONG, Letter, World

STATEMENTS = 40  # more than a merge has
ROUNDS = int(os.environ.get("FAULTS_ROUNDS", "5"))


def struck(world: World, people: list[Person], how: str, first: int, **settings: str) -> subprocess.Popen[str]:
    """A process that does the merge of each person, and is struck at statement `first`, `first + 1`, …"""
    with world.reading() as db:
        rows = {row.id: row for row in db.scalars(select(MergeFlow)).all()}
    flows = [rows[person.page.path.split("/")[2]] for person in people]
    given = [{"id": row.id, "browser_digest": row.browser_digest, "password": STRONG} for row in flows]
    clean = {key: value for key, value in os.environ.items() if not key.startswith("IDP_")}
    environ = clean | {
        "IDP_ISSUER": world.base,
        "IDP_DATABASE_URL": world.deps.settings.database_url.get_secret_value(),
        "IDP_BCRYPT_COST": "4",
        "IDP_THROTTLE_ACCOUNT_FREE_ATTEMPTS": "1000",
        "IDP_THROTTLE_NETWORK_FREE_ATTEMPTS": "1000",
        **settings,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.dying", how, str(first)],
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(given))
    process.stdin.close()
    return process


def rest_of(process: subprocess.Popen[str]) -> str:
    """What it still says until its end."""
    with process:
        assert process.stdout is not None
        return process.stdout.read()


def found(world: World, letter: Letter) -> tuple[list[str], int, bool, int]:
    """The accounts that a letter is of, audit events of its merge, whether it is closed, and its contracts."""
    with world.reading() as db:
        accounts = db.scalars(select(Membership.account_id).where(Membership.provisional_account_id == letter.id)).all()
        events = db.scalars(select(AuditEvent.details).where(AuditEvent.name == "merge.completed")).all()
        closed = db.scalar(select(ProvisionalAccount.closed_at).where(ProvisionalAccount.id == letter.id))
        contracts = db.scalars(select(Contract.id).where(Contract.provisional_account_id == letter.id)).all()
    merges = sum(details["letter"] == letter.id for details in events)
    return list(accounts), merges, closed is not None, len(contracts)


@fault("X1")
def test_a_merge_that_is_killed_at_any_statement_has_not_begun_and_is_finished_by_trying_again(world: World) -> None:
    agency = world.agency()
    owner, account_id = world.member(agency)
    letters = [world.letter(agency, contracts=("V1", "V2")) for _ in range(STATEMENTS)]
    people = [acts.to_merge(world, letter, owner.email or "") for letter in letters]

    process = struck(world, people, "KILL", 1)
    out = rest_of(process)
    outcomes = [line for line in out.split() if not line.isdigit()]

    assert len(outcomes) > 10
    assert outcomes == ["struck"] * (len(outcomes) - 1) + ["done"]
    for letter, person, outcome in zip(letters, people, outcomes, strict=False):
        world.forget_attempts()
        if outcome == "struck":
            assert found(world, letter) == ([], 0, False, 2)
            assert person.submit(password=STRONG).path.endswith("/done")
        assert found(world, letter) == ([account_id], 1, True, 2)
    for person in people:
        person.http.close()


@fault("X31")
def test_a_worker_paused_in_the_middle_of_a_merge_keeps_nobody_waiting_and_cannot_go_on(there: There) -> None:
    agency = there.agency()
    owner, account_id = there.member(agency)
    letter = there.letter(agency)
    person = acts.to_merge(there, letter, owner.email or "")

    # By its ninth statement it has written, and holds locks.
    process = struck(there, [person], "STOP", 9, IDP_DATABASE_IDLE_TRANSACTION_TIMEOUT_SECONDS="2")
    assert process.stdout is not None
    paused = int(process.stdout.readline())
    assert wait_until(lambda: _state(paused) == "T", recovery_seconds())
    flow = person.page.path

    def finished() -> bool:
        there.forget_attempts()
        if person.open(flow).path.endswith("/done"):
            return True
        return "password" in person.page.fields and person.submit(password=STRONG).path.endswith("/done")

    assert wait_until(finished, recovery_seconds())
    os.kill(paused, signal.SIGCONT)
    out = rest_of(process)

    assert out.split() == ["struck"], "what was paused went on"
    assert found(there, letter) == ([account_id], 1, True, 1)


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@fault("X21")
def test_one_letter_merged_into_three_accounts_at_once_is_of_one_of_them(world: World) -> None:
    agency = world.agency()
    owners = [world.member(agency) for _ in range(3)]
    for _ in range(ROUNDS):
        letter = world.letter(agency, contracts=("V1", "V2"))
        people = [acts.to_merge(world, letter, owner.email or "") for owner, _ in owners]
        answers = at_once(lambda n, p=people: p[n].send(password=STRONG), len(people))
        assert [one.status_code for one in answers] == [303] * len(people)  # who comes second is led on, too
        accounts, merges, closed, contracts = found(world, letter)
        assert (len(accounts), merges, closed, contracts) == (1, 1, True, 2)
        assert accounts[0] in {account for _, account in owners}
        for person in people:
            person.http.close()
        world.forget_attempts()


@fault("X21")
def test_a_merge_an_erasure_and_a_new_password_at_once_leave_all_or_nothing(world: World) -> None:
    """Whoever is first: of the erased person nothing is left, and a letter that was not merged in time is whole and open."""
    agency = world.agency()
    for _ in range(ROUNDS):
        owner, account_id = world.member(agency)
        letter = world.letter(agency, contracts=("V1", "V2"))
        merging = acts.to_merge(world, letter, owner.email or "")
        resetting = world.person()
        acts.ask_reset(resetting, owner)
        resetting.open(world.link_for(owner.email))
        deeds = [
            lambda p=merging: p.send(password=STRONG).status_code,
            lambda p=resetting: p.send(new_password=OTHER_STRONG, confirmation=OTHER_STRONG).status_code,
            lambda who=account_id: _erased(world, who),
        ]
        statuses = at_once(lambda n, all_=deeds: all_[n](), len(deeds))

        assert statuses[2] is True
        assert all(status < 500 for status in statuses[:2]), statuses
        accounts, _, closed, contracts = found(world, letter)
        with world.reading() as db:
            account = db.get(Account, account_id)
            assert (account.state, account.email) == ("erased", "")
            kept = db.scalar(select(ProvisionalAccount.id).where(ProvisionalAccount.id == letter.id))
        assert accounts == []
        assert (kept, closed, contracts) in ((letter.id, False, 2), (None, False, 0)), (statuses, kept, closed)
        for person in (merging, resetting):
            person.http.close()
        world.forget_attempts()


@again
def _erased(world: World, account_id: str) -> bool:
    """As the command does it: done anew when the database ended it for the sake of the merge (a deadlock)."""
    with world.transaction() as db:
        account = db.get(Account, account_id)
        person = rights.person_of(db, world.deps, account_id=account_id, email_key=account.email_key)
        return rights.erase(db, world.deps, person) is not None
