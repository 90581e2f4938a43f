"""Started wrongly: refused, with the name of what is wrong."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.faults.catalogue import fault
from tests.faults.service import Service
from tests.support.ports import free_port


def started(service: Service, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """A command with other settings. A service that starts although it should not is ended by the time limit."""
    given, kept = environ, service.environ
    service.environ = kept | given
    try:
        return service.run(*arguments)
    finally:
        service.environ = kept


@fault("X40")
@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("IDP_SMTP_PORT", "many", "smtp_port"),
        ("IDP_WORKERS", "0", "workers"),
        ("IDP_ISUER", "https://x.example", "IDP_ISUER"),
    ],
)
def test_a_service_with_an_invalid_setting_does_not_start_and_names_it(
    service: Service, name: str, value: str, told: str
) -> None:
    done = started(service, "serve", **{name: value, "IDP_BIND_PORT": str(free_port())})
    assert done.returncode != 0
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert service.status("/health/ready") == 200, "the one that serves is not disturbed"


@fault("X26")
def test_a_secret_that_cannot_be_read_starts_nothing(service: Service, tmp_path: Path) -> None:
    for file in (tmp_path / "absent", tmp_path):
        done = started(service, "serve", IDP_SECRET_KEY_FILE=str(file), IDP_BIND_PORT=str(free_port()))
        assert done.returncode != 0
        assert "IDP_SECRET_KEY_FILE" in done.stderr
        assert "Traceback" not in done.stderr
