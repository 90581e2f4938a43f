"""The roles of config/postgresql: the service adds to the audit trail, and can neither change nor delete in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from sqlalchemy import create_engine, delete, insert, select, text, update
from sqlalchemy.exc import ProgrammingError

from idp import migrations, purge
from idp.app import create_database_app
from idp.audit import store
from idp.audit.chain import steps as chain
from idp.audit.tables import AuditAnchor, AuditEvent, AuditLink
from idp.cli.context import light_deps
from idp.database import db as flask_db
from idp.database import transaction
from idp.oidc.keys import steps as keys
from idp.settings import ROOT, Settings
from tests.attacks import attack
from tests.support.world import Clock

SCRIPTS: Path = ROOT / "config" / "postgresql"


class Service:
    """An upgraded database whose roles are those of config/postgresql, under names of the test's own."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._prefix = f"{urlsplit(address).path.strip('/')}_"
        self.clock = Clock()
        self._run("roles.sql", address)
        with self.as_role("owner") as deps:
            migrations.upgrade(self.app)
            keys.ensure(deps)
        self._run("audit.sql", self._of("owner"))

    def _of(self, role: str) -> str:
        parts = urlsplit(self._address)
        return urlunsplit(parts._replace(netloc=f"{self._prefix}{role}@{parts.netloc.rpartition('@')[2]}"))

    def _run(self, script: str, address: str) -> None:
        engine = create_engine(address)
        with engine.begin() as connection:
            connection.execute(text((SCRIPTS / script).read_text(encoding="utf-8").replace("idp_", self._prefix)))
        engine.dispose()

    @contextmanager
    def as_role(self, role: str) -> Iterator[Any]:
        settings = Settings.model_validate({"database_url": self._of(role)})
        self.app = create_database_app(settings)
        with self.app.app_context():
            try:
                yield replace(light_deps(settings), now=self.clock)
            finally:
                flask_db.engine.dispose()


@pytest.fixture(scope="module")
def service(new_database: Any) -> Service:
    return Service(new_database("roles"))


def test_the_service_writes_chains_and_verifies_with_the_rights_it_has(service: Service) -> None:
    with service.as_role("app") as deps:
        for _ in range(3):
            with transaction() as db:
                store.record(db, deps, "login.succeeded")
        assert chain.seal(deps) == 3
        assert chain.verify(deps).broken is None


@pytest.mark.parametrize(
    "forbidden",
    [
        update(AuditEvent).values(subject="somebody"),
        delete(AuditEvent),
        update(AuditLink).values(link="0"),
        delete(AuditLink),
        insert(AuditAnchor).values(id=1, position=1, link="0", mac="0", sealed_at=Clock()()),
        text("TRUNCATE audit_events"),
        text("DROP TABLE audit_events"),
        text("CREATE TABLE mine (id int)"),
        text("ALTER TABLE audit_events DISABLE TRIGGER ALL"),
    ],
    ids=lambda statement: str(statement).split(" SET ")[0][:40],
)
@attack("Q7")
def test_the_service_cannot_change_the_trail_nor_the_schema(service: Service, forbidden: Any) -> None:
    with service.as_role("app"), pytest.raises(ProgrammingError, match=r"permission denied|must be owner"), transaction() as db:  # fmt: skip
        db.execute(forbidden)


def test_the_purge_has_a_role_of_its_own(service: Service) -> None:
    with service.as_role("app") as deps:
        with transaction() as db:
            store.record(db, deps, "login.succeeded")
        chain.seal(deps)
    service.clock.advance(days=366)

    with service.as_role("purge") as deps:
        assert dict(purge.run(deps))["audit events"] > 0
        with transaction() as db:
            assert db.scalars(select(AuditEvent)).all() == []

    service.clock.advance(days=-366)
    with service.as_role("app") as deps:
        assert chain.verify(deps).broken is None
