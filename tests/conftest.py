"""Shared servers: one provider for each database and test process, one mail server, one PostgreSQL cluster a run.

Every test that takes `world` runs on SQLite and on PostgreSQL. Where CI is set nothing is skipped; on a machine
without PostgreSQL's server programs the second half is, with a reason.
"""

from __future__ import annotations

import gc
import itertools
import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.attacks import table as attacks
from tests.conformance import summary as conformance
from tests.faults import table as faults
from tests.support import postgres
from tests.support.chromium import started
from tests.support.installed import provider_on
from tests.support.mailbox import Mailbox
from tests.support.world import ProviderServer, World

_CLUSTER: postgres.Cluster | None = None
_ADDRESS = "TESTS_POSTGRES_PORT"


def pytest_configure(config: pytest.Config) -> None:
    """The cluster is started once, by the process that starts the others."""
    global _CLUSTER
    attacks.pytest_configure(config)
    faults.pytest_configure(config)
    if hasattr(config, "workerinput") or os.environ.get(_ADDRESS) or postgres.installed() is None:
        return
    _CLUSTER = postgres.Cluster()
    os.environ[_ADDRESS] = str(_CLUSTER._port)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """What is loaded and collected stays: no garbage is looked for in it, neither now nor while the tests run.

    The thresholds are those of the program itself (`idp/__main__.py`): with Python's own, a twelfth of the time of the
    tests went by in looking for garbage, and a quarter of that of collecting them.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
        gc.set_threshold(200_000, 20, 20)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Each test tells which known attacks and which faults it is."""
    attacks.pytest_itemcollected(item)
    faults.pytest_itemcollected(item)


def pytest_sessionfinish(session: pytest.Session) -> None:
    attacks.pytest_sessionfinish(session)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The tables: plans of the conformance suite, known attacks, faults: which were run and passed."""
    conformance.pytest_terminal_summary(terminalreporter)
    attacks.pytest_terminal_summary(terminalreporter)
    faults.pytest_terminal_summary(terminalreporter)


def pytest_unconfigure(config: pytest.Config) -> None:
    global _CLUSTER
    if _CLUSTER is not None:
        _CLUSTER.stop()
        os.environ.pop(_ADDRESS, None)
        _CLUSTER = None


@pytest.fixture(scope="session")
def mailbox() -> Iterator[Mailbox]:
    box = Mailbox()
    yield box
    box.stop()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for each test process; visitors have profiles of their own."""
    with started() as browser:
        yield browser


@pytest.fixture(scope="session")
def new_database(worker_id: str) -> object:
    """Makes an empty PostgreSQL database, whose name begins with the given one; returns its address."""
    numbers = itertools.count(1)

    def make(name: str) -> str:
        port = os.environ.get(_ADDRESS)
        if port is None:
            if os.environ.get("CI"):
                pytest.fail("PostgreSQL's server programs are not installed: `make system` installs them")
            pytest.skip("PostgreSQL's server programs are not installed")
        import psycopg

        # A process that takes over tests of another one makes the fixtures of their module a second time.
        database = f"{name}_{worker_id}_{next(numbers)}"
        with psycopg.connect(f"postgresql://idp@127.0.0.1:{port}/postgres", autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{database}"')
        return f"postgresql+psycopg://idp@127.0.0.1:{port}/{database}"

    return make


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test of the provider runs on both databases; attacks also, or only, against the deployed service."""
    if "installation" in metafunc.fixturenames:
        metafunc.parametrize("installation", attacks.targets(metafunc.definition), indirect=True, scope="session")


@pytest.fixture(scope="session")
def installation(request: pytest.FixtureRequest) -> str:
    """`sqlite`, `postgresql` or `nginx`."""
    return str(request.param)


@pytest.fixture(scope="session")
def provider(
    installation: str, tmp_path_factory: pytest.TempPathFactory, mailbox: Mailbox, new_database: object
) -> Iterator[ProviderServer]:
    """The provider: in this process on one of the two databases, or the started service behind nginx on PostgreSQL."""
    server = provider_on(installation, tmp_path_factory.mktemp("provider"), mailbox, new_database)
    yield server
    server.stop()


@pytest.fixture
def world(provider: ProviderServer) -> Iterator[World]:
    made = World(provider)
    yield made
    made.close()
