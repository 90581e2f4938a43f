"""The roles of config/postgresql: the service adds to the audit trail, and can neither change nor delete in it."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.exc import ProgrammingError

from idp import purge
from idp.audit import store
from idp.audit.chain import steps as chain
from idp.audit.tables import AuditAnchor, AuditEvent, AuditLink
from idp.database import transaction
from idp.digests import Digests
from tests.attacks import attack
from tests.support.roles import Roles
from tests.support.world import Clock


@pytest.fixture(scope="module")
def service(new_database: Any) -> Roles:
    return Roles(new_database("roles"))


def test_the_service_writes_chains_and_verifies_with_the_rights_it_has(service: Roles) -> None:
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
        text("UPDATE schema_steps SET oldest_program = '0001'"),
        text("DELETE FROM alembic_version"),
        text("DROP TABLE audit_events"),
        text("CREATE TABLE mine (id int)"),
        text("ALTER TABLE audit_events DISABLE TRIGGER ALL"),
    ],
    ids=lambda statement: str(statement).split(" SET ")[0][:40],
)
@attack("Q7")
def test_the_service_cannot_change_the_trail_nor_the_schema(service: Roles, forbidden: Any) -> None:
    with service.as_role("app"), pytest.raises(ProgrammingError, match=r"permission denied|must be owner"), transaction() as db:  # fmt: skip
        db.execute(forbidden)


def test_the_purge_has_a_role_of_its_own(service: Roles) -> None:
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


def test_closing_what_another_secret_made_needs_the_role_of_the_purge(service: Roles) -> None:
    with service.as_role("app") as deps:
        with transaction() as db:
            store.record(db, deps, "login.succeeded")
        chain.seal(deps, everything=True)
    for role, allowed in (("app", False), ("purge", True)):
        with service.as_role(role) as deps:
            other = replace(deps, digests=Digests("another-master-secret-of-fifty-characters-and-more-"))
            refused = pytest.raises(ProgrammingError, match="permission denied")
            with nullcontext() if allowed else refused, transaction() as db:
                assert chain.close(db, other) is not None
                store.record(db, other, "cli.audit-closed")
