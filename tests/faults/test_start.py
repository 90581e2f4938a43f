"""Started wrongly: refused, with the name of what is wrong."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select, update

from idp.oidc.keys.keyring import Keyring
from idp.oidc.keys.tables import SigningKey
from tests.faults.catalogue import fault
from tests.faults.service import Service, There
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


@contextmanager
def damaged(there: There) -> Iterator[str]:
    """The newest ES256 key is not what it was; its id."""
    newest = select(SigningKey).where(SigningKey.algorithm == "ES256").order_by(SigningKey.created_at.desc())
    with there.transaction() as db:
        key = db.scalars(newest).first()
        kid, sealed = key.kid, key.sealed_key
        key.sealed_key = f"{sealed[:20]}{'A' if sealed[20] != 'A' else 'B'}{sealed[21:]}"
    try:
        yield kid
    finally:
        with there.transaction() as db:
            db.execute(update(SigningKey).where(SigningKey.kid == kid).values(sealed_key=sealed))


def kids(there: There) -> set[str]:
    with there.reading() as db:
        return set(db.scalars(select(SigningKey.kid)))


@fault("X26")
@pytest.mark.parametrize("command", [("serve",), ("keys", "rotate", "--algorithm", "ES256")])
def test_with_another_master_secret_nothing_starts_and_no_key_is_made(
    service: Service, there: There, command: tuple[str, ...]
) -> None:
    """It ended in a trace of each worker, and a loop of their restarts."""
    before = kids(there)

    done = started(
        service, *command, IDP_SECRET_KEY="another-master-secret-of-32-characters", IDP_BIND_PORT=str(free_port())
    )

    assert done.returncode == 1
    assert "the master secret is not the one it was made with" in done.stderr
    assert "Traceback" not in done.stderr
    assert kids(there) == before


@fault("X26")
def test_with_a_damaged_key_nothing_starts_and_what_serves_goes_on(service: Service, there: There) -> None:
    """Its workers know the key. They read the keys again every ten seconds, and answered 500 from then on."""
    before = kids(there)
    portal = there.portal(there.agency())
    with damaged(there) as kid:
        done = started(service, "serve", IDP_BIND_PORT=str(free_port()))
        still = [portal.refresh("x" * 43).status_code, service.status("/oauth/jwks"), service.status("/health/ready")]
        with there.server.app.app_context():
            keyring = Keyring(there.deps)
            with pytest.raises(LookupError, match=kid):
                keyring.signing("ES256")
    with there.server.app.app_context():
        known = keyring.signing("ES256")
        with damaged(there):
            keyring.reload()
            assert keyring.signing("ES256") == known

    assert (done.returncode, kid in done.stderr, "Traceback" in done.stderr) == (1, True, False)
    assert still == [400, 200, 200]
    assert kids(there) == before
