"""The provider under test, started once a process, and a run for each module."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx2 as httpx
import pytest

from tests.conformance.plans import Entry
from tests.conformance.suite import certificates
from tests.conformance.suite.certificates import Certificates
from tests.conformance.suite.relying_party import RelyingParty
from tests.conformance.suite.run import Run
from tests.conformance.suite.setting import Setting
from tests.conformance.targets import Target, start


@pytest.fixture(scope="session")
def loopback_certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates.make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def relying_party(loopback_certificates: Certificates) -> Iterator[RelyingParty]:
    served = RelyingParty(loopback_certificates)
    yield served
    served.stop()


@pytest.fixture(scope="session")
def target(
    loopback_certificates: Certificates,
    relying_party: RelyingParty,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[Target]:
    started = start(
        certificates=loopback_certificates,
        relying_party=relying_party.base,
        folder=tmp_path_factory.mktemp("provider"),
        new_database=lambda name: request.getfixturevalue("new_database")(name),
    )
    yield started
    started.stop()


@pytest.fixture(scope="session")
def new_run(
    target: Target,
    loopback_certificates: Certificates,
    relying_party: RelyingParty,
    request: pytest.FixtureRequest,
) -> Iterator[Callable[[Entry], Run]]:
    """Makes the run of a module. One client speaks to the provider for all: opening TLS takes longer than a request."""
    trust = loopback_certificates.trusting()
    with httpx.Client(verify=trust, timeout=60, follow_redirects=False) as client:

        def make(entry: Entry) -> Run:
            configuration = target.configuration(entry.file)
            setting = Setting(
                configuration,
                trust,
                client,
                target.rotate_keys,
                lambda: request.getfixturevalue("chromium"),
                target.elsewhere,
            )
            return Run(setting, relying_party, entry.variant, entry.module.name)

        yield make
