"""Processes killed under a mixed load, and networks cut: whatever dies, what clients were told stays true.

The short version lasts seconds; `make faults` makes it longer (FAULTS_SECONDS). The seed decides what the clients and
the harm do next; how threads interleave is the machine's.
"""

from __future__ import annotations

import os
import random
import signal
from contextlib import suppress
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.demo.running import wait_until
from tests.faults.catalogue import fault
from tests.faults.load import SECONDS, Load
from tests.faults.proxy import Network, Proxy
from tests.faults.service import Service, There, recovery_seconds
from tests.support.world import HTTP, Portal

SEEDS = range(3) if SECONDS else range(1)


@pytest.mark.parametrize("seed", SEEDS)
@fault("X2")
def test_workers_may_be_killed_at_any_moment(service: Service, seed: int) -> None:
    def harm(rng: random.Random) -> None:
        workers = service.workers
        if workers:
            with suppress(ProcessLookupError):
                os.kill(rng.choice(workers), signal.SIGKILL)

    Load(service, seed).run(harm)


@pytest.mark.parametrize("seed", SEEDS)
@fault("X3")
def test_the_master_of_the_workers_and_the_sender_may_be_killed(service: Service, seed: int) -> None:
    def harm(rng: random.Random) -> None:
        rng.choice([service.serving, service.sending]).kill()

    Load(service, seed).run(harm, every=2.5)


@pytest.mark.parametrize("seed", SEEDS)
@fault("X4")
def test_the_database_may_be_killed_at_any_moment(service: Service, seed: int) -> None:
    """Its workers live on, and neither connections nor descriptors grow."""
    before = {pid: _descriptors(pid) for pid in service.workers}
    connections = 15  # that a worker may open

    Load(service, seed).run(lambda _: service.cluster.restart(), every=2.5)

    assert set(service.workers) == set(before)
    service.world.send_home()  # whose connections are descriptors too
    for pid, descriptors in before.items():
        assert wait_until(lambda pid=pid, most=descriptors + connections: _descriptors(pid) <= most, recovery_seconds())
    # I12: what the portals of the load did afterwards is in their histories; here that it is all of the service.
    assert service.status("/health/ready") == 200


def _descriptors(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


@fault("X18")
def test_a_portal_whose_answer_was_lost_stays_signed_in(service: Service, there: There) -> None:
    agency = there.agency()
    letter, _ = there.member(agency)
    portal = there.portal(agency)
    person = there.signed_in(letter)
    person.open(portal.authorize_url())
    token = portal.redeem(person.sent_to).json()["refresh_token"]
    between = Proxy(service.port)
    through = Portal(f"http://127.0.0.1:{between.port}", portal.client_id, portal.secret, portal.redirect_uri)
    try:
        between.network = Network.CUT
        for _ in range(3):
            with pytest.raises(httpx.TransportError):
                through.refresh(token)
        between.network = Network.PASS
        again = through.refresh(token)
    finally:
        between.stop()

    assert again.status_code == 200
    successor = again.json()["refresh_token"]
    assert portal.refresh(successor).status_code == 200
    assert HTTP.get(f"{there.base}/health/live").status_code == 200
    # Its successor was used: whoever comes with the old one now has stolen it, and the family ends.
    assert portal.refresh(token).json()["error"] == "invalid_grant"
    assert wait_until(lambda: portal.refresh(successor).status_code == 400, recovery_seconds())
