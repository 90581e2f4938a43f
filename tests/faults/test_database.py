"""The database slow, silent, away, full or out of connections: an honest 503 in time, and then all is well again."""

from __future__ import annotations

import time

import psycopg
import pytest

from tests.demo.running import wait_until
from tests.faults.catalogue import fault
from tests.faults.proxy import Network
from tests.faults.service import Service, There, recovery_seconds
from tests.support.world import STRONG

WITHOUT_DATABASE = ("/health/live", "/.well-known/openid-configuration", "/oauth/jwks")


@fault("X6")
@pytest.mark.parametrize("network", [Network.SLOW, Network.SILENT, Network.RESET, Network.HALF])
def test_a_database_that_does_not_answer_is_told_in_time_to_people_and_to_software(
    service: Service, there: There, network: Network
) -> None:
    agency = there.agency()
    letter = there.letter(agency)
    portal = there.portal(agency)
    person = there.person()
    person.open(f"/login?{letter.query}")

    with service.fault(service.database, network):
        began = time.monotonic()
        page = person.submit(identifier="lea@exemple.test", password=STRONG)
        software = portal.refresh("x" * 43)
        took = (time.monotonic() - began) / 2
        assert service.status("/health/ready") == 503
        assert [service.status(path) for path in WITHOUT_DATABASE] == [200, 200, 200]

    assert page.status == 503
    assert page.heading == "Service momentanément indisponible"
    assert int(page.response.headers["retry-after"]) > 0
    assert (software.status_code, software.json()["error"]) == (503, "temporarily_unavailable")
    assert int(software.headers["retry-after"]) > 0
    assert took < 5 * recovery_seconds() / 30
    # What was typed is sent once more by one click; the password, which no page of ours repeats, is asked for again.
    page = person.submit("Réessayer")
    assert page.fields["identifier"]["value"] == "lea@exemple.test"


@fault("X7")
def test_a_database_without_free_connections_is_a_503_and_passes(service: Service, there: There) -> None:
    portal = there.portal(there.agency())
    held: list[psycopg.Connection] = []
    try:
        assert wait_until(lambda: _hold_all(service, held), recovery_seconds())
        answer = portal.refresh("x" * 43)
        page = there.person().open("/login/codes")
        alive = [service.status(path) for path in WITHOUT_DATABASE]
    finally:
        for one in held:
            one.close()
    service.require_ready()

    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert page.status in (200, 503)
    assert alive == [200, 200, 200]
    assert wait_until(lambda: portal.refresh("x" * 43).status_code == 400, recovery_seconds())


def _hold_all(service: Service, held: list[psycopg.Connection]) -> bool:
    """Take every connection that the server has, those of the service too; whether it is left without any."""
    url = f"postgresql://idp@127.0.0.1:{service.cluster._port}/faults"
    try:
        while True:
            held.append(psycopg.connect(url, autocommit=True))
    except psycopg.OperationalError:
        ours = [one.info.backend_pid for one in held]
        others = "FROM pg_stat_activity WHERE backend_type = 'client backend' AND NOT pid = ANY(%s)"
        if held[0].execute(f"SELECT count(*) {others}", (ours,)).fetchone() == (0,):
            return True
        # Their places are free for a moment, for whoever comes first: only the next look tells who has them.
        held[0].execute(f"SELECT pg_terminate_backend(pid) {others}", (ours,))
        return False
