"""One service for each test process, on a PostgreSQL cluster that the faults may kill."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.service import DURABLE, Service, There
from tests.support import postgres


@pytest.fixture(scope="session")
def cluster() -> Iterator[postgres.Cluster]:
    if postgres.installed() is None:
        pytest.skip("PostgreSQL's server programs are not installed")
    made = postgres.Cluster(DURABLE)
    yield made
    made.stop()


@pytest.fixture(scope="session")
def _service(cluster: postgres.Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    made = Service(cluster, tmp_path_factory.mktemp("service"), "faults")
    yield made
    made.stop()


@pytest.fixture
def service(_service: Service) -> Iterator[Service]:
    _service.tidy()
    yield _service
    _service.world.send_home()


@pytest.fixture
def there(service: Service) -> There:
    """Not `world`, which is the provider within the test process, on both databases."""
    return service.world


@pytest.fixture
def on_it(_on_it: Service) -> Iterator[Service]:
    """The service on a disk of its own, which each module makes that fills one."""
    yield _on_it
    _on_it.world.send_home()
