"""Transactions that the server gives up for another one's sake: done again, and at last told as a 503."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import psycopg
import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from idp import patience
from idp.accounts.tables import ProvisionalAccount
from idp.database import reading, transaction
from tests.faults.catalogue import fault
from tests.faults.service import Service, There
from tests.faults.test_merges import found
from tests.races.test_once import at_once
from tests.support import acts
from tests.support.postgres import Cluster
from tests.support.world import STRONG, ProviderServer, World

_DEADLOCK = "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40P01'; END $$"


@fault("X8")
def test_two_transactions_that_wait_for_each_other_are_both_done(there: There) -> None:
    letters = [there.letter().id for _ in range(2)]
    met = threading.Barrier(2)
    tries: list[str] = []

    def write(mine: str) -> None:
        other = letters[1 - letters.index(mine)]

        @patience.again
        def both() -> None:
            tries.append(mine)
            with transaction() as db:
                db.execute(update(ProvisionalAccount).where(ProvisionalAccount.id == mine).values(city=mine))
                if tries.count(mine) == 1:
                    met.wait()
                db.execute(update(ProvisionalAccount).where(ProvisionalAccount.id == other).values(street=mine))

        with there.server.app.app_context():
            both()

    at_once(lambda number: write(letters[number]), 2)

    assert sorted(tries) != sorted(letters), "nobody was in anybody's way"
    with there.reading() as db:
        held = {row.id: (row.city, row.street) for row in db.scalars(select(ProvisionalAccount)).all()}
    first, second = letters
    assert held[first] == (first, second)
    assert held[second] == (second, first)


@fault("X8")
def test_what_was_committed_is_not_done_again_and_the_third_failure_is_told(there: There) -> None:
    tries: list[bool] = []

    @patience.again
    def work(*, commits: bool) -> None:
        tries.append(commits)
        if commits:
            with transaction():
                pass
        with transaction() as db:
            db.connection().exec_driver_sql(_DEADLOCK)

    with there.server.app.app_context():
        patience.begin(30)
        for commits in (True, False):
            with pytest.raises(OperationalError):
                work(commits=commits)
        patience.end()

    assert tries == [True, False, False, False]


@fault("X8")
def test_whoever_was_given_up_lets_the_other_one_go_first(there: There, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(patience, "time", SimpleNamespace(sleep=pauses.append))

    @patience.again
    def work() -> None:
        with transaction() as db:
            db.connection().exec_driver_sql(_DEADLOCK)

    with there.server.app.app_context(), pytest.raises(OperationalError):
        work()

    assert len(pauses) == 2
    assert all(0 < pause < 1 for pause in pauses)


@fault("X8")
def test_merges_into_one_account_under_serializable_are_whole_or_told_to_come_again(
    cluster: Cluster, service: Service
) -> None:
    url = cluster.create("serializable")
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as admin:
        admin.execute("ALTER DATABASE serializable SET default_transaction_isolation = serializable")
    # Of six guesses that are counted before one has succeeded, the sixth would be one too many.
    server = ProviderServer(url, service.mailbox, IDP_THROTTLE_ACCOUNT_FREE_ATTEMPTS="7")
    try:
        world = World(server)
        with server.app.app_context(), reading() as db:
            assert db.connection().exec_driver_sql("SHOW transaction_isolation").scalar() == "serializable"
        owner, account_id = world.member()
        letters = [world.letter() for _ in range(6)]
        people = [acts.to_merge(world, letter, owner.email or "") for letter in letters]
        answers = at_once(lambda n: people[n].send(password=STRONG), len(people))

        assert {one.status_code for one in answers} <= {303, 503}
        for letter, person, one in zip(letters, people, answers, strict=True):
            world.forget_attempts()
            if one.status_code == 503:
                assert found(world, letter)[:3] == ([], 0, False)
                person.submit(password=STRONG)
            assert found(world, letter)[:3] == ([account_id], 1, True)
            person.http.close()
    finally:
        server.stop()


def test_the_patience_of_a_request_ends_with_it(there: There) -> None:
    """What the thread does afterwards would else find it used up."""
    there.server.app.test_client().get("/login/codes")

    assert patience.turn() is None
