"""The benchmark measures what it says: every scenario ends as it should, on both databases, with its statements counted.

Nothing here is timed. A benchmark of error pages would be fast, so each operation is held to its answer; that is tested.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.bench import product
from tests.bench.databases import Database, PostgreSQL, SQLite
from tests.bench.scenarios import SCENARIOS, Stage
from tests.bench.windows import How, measure
from tests.bench.wire import Connection, Driver, Failed, Operation
from tests.support import postgres

_CHEAP = {"IDP_BCRYPT_COST": "4", "IDP_WORKERS": "1"}
_QUICK = How(seconds=1.0, warmup=0.0, repeat=1, again=0)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def stage(request: pytest.FixtureRequest) -> Iterator[tuple[Stage, Database]]:
    if request.param == "postgresql" and postgres.installed() is None:
        if os.environ.get("CI"):
            pytest.fail("PostgreSQL's server programs are not installed: `make system` installs them")
        pytest.skip("PostgreSQL's server programs are not installed")
    database = PostgreSQL() if request.param == "postgresql" else SQLite()
    url = database.create("idp")
    product.prepare(url, 60, **_CHEAP)
    running = product.start(url, **_CHEAP)
    driver = Driver()
    yield Stage(product.described(running, database.process, 60), driver), database
    driver.close()
    running.stop()
    database.stop()


def test_every_scenario_ends_as_it_should(stage: tuple[Stage, Database]) -> None:
    for name, scenario in SCENARIOS.items():
        lanes = scenario.lanes(stage[0])
        stage[0].driver.do(lane.operation() for lane in lanes[:2])
        assert lanes, name
    assert stage[0].facts == {"main id_token": "RS256", "es256 id_token": "ES256", "rotating id_token": "RS256"}


def test_a_window_says_rate_latency_and_processor_time(stage: tuple[Stage, Database]) -> None:
    (one,) = measure(SCENARIOS["client_credentials"], [stage[0]], [(stage[1], "idp")], _QUICK)
    assert one.failed is None
    assert one.errors == 0
    assert one.median("rate") > 0
    assert 0 < one.median("p50_ms") <= one.median("p99_ms")
    assert "provider" in one.milliseconds
    assert (one.statements is not None) == (one.database == "postgresql")


def test_a_wrong_answer_is_no_operation(stage: tuple[Stage, Database]) -> None:
    provider = stage[0].provider
    connection = Connection(provider.port)

    def operation() -> Operation:
        yield from provider.token(connection, provider.portals["main"], {"grant_type": "refresh_token"})

    with pytest.raises(Failed, match="token: 400"):
        stage[0].driver.do([operation()])


def test_workers_do_not_share_a_connection(stage: tuple[Stage, Database]) -> None:
    """A rush of browsers that did was measured for a while: each got answers of another's, and most ended with the first."""
    provider = stage[0].provider
    shared = Connection(provider.port)

    def operation() -> Operation:
        yield shared, provider.request("GET", provider.paths["jwks_uri"], {})

    with pytest.raises(RuntimeError, match="share a connection"):
        stage[0].driver.do([operation(), operation()])
    stage[0].driver.drain()
