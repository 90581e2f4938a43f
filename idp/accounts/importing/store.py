"""Every SQL statement of the import: Core, in bulk, a few hundred rows at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Table, Text, bindparam, cast, column, delete, func, select, update
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.orm import Session

from idp.accounts.importing.cleaning import Line
from idp.accounts.tables import Contract, ProvisionalAccount
from idp.database import upsert
from idp.tenancy import store as tenancy
from idp.tenancy.store import AgencyView

PEOPLE: Table = ProvisionalAccount.__table__  # type: ignore[assignment]
CONTRACTS: Table = Contract.__table__  # type: ignore[assignment]


@dataclass(frozen=True)
class Known:
    """A letter that is stored already. name: of its person; closed: it became somebody's account, or was ended."""

    id: str
    digest: str
    name: str
    closed: bool


@dataclass(frozen=True)
class New:
    """A letter to store. sealed_password, made_password: of a password made here; None for one that was given."""

    id: str
    line: Line
    agency: AgencyView
    password_digest: str = field(repr=False)
    sealed_password: str | None = field(repr=False)
    made_password: str | None = field(repr=False)


@dataclass(frozen=True)
class Letter:
    """What the letters file says about a letter, besides its password."""

    id: str
    identifier: str
    civility: str
    last_name: str
    first_name: str
    company_name: str
    street: str
    postal_code: str
    city: str


@dataclass(frozen=True)
class Waiting:
    """A letter whose password has not left yet."""

    letter: Letter
    sealed_password: str = field(repr=False)

    @property
    def id(self) -> str:
        return self.letter.id


def known(db: Session, agency_id: str, keys: Sequence[str]) -> dict[str, Known]:
    """The stored letters among these identifiers of one agency, by key."""
    statement = select(
        PEOPLE.c.identifier_key,
        PEOPLE.c.id,
        PEOPLE.c.import_digest,
        PEOPLE.c.last_name,
        PEOPLE.c.first_name,
        PEOPLE.c.company_name,
        PEOPLE.c.closed_at,
    ).where(PEOPLE.c.agency_id == agency_id, PEOPLE.c.identifier_key.in_(keys))
    return {
        key: Known(id_, digest, last_name + first_name + company_name, closed_at is not None)
        for key, id_, digest, last_name, first_name, company_name, closed_at in db.execute(statement)
    }


def add(db: Session, new: Sequence[New], *, run: str, expires_at: datetime, now: datetime) -> set[str]:
    """Store new letters; returns the ids of those stored. Another import may have been first: then it stays as it is."""
    if not new:
        return set()
    rows = [
        {
            **_person(one.line, run=run, now=now),
            "id": one.id,
            "agency_id": one.agency.id,
            "identifier": one.line.identifier,
            "identifier_key": one.line.key,
            "password_digest": one.password_digest,
            "sealed_password": one.sealed_password,
            "expires_at": expires_at,
            "created_at": now,
        }
        for one in new
    ]
    statement, given = _insertion(db, PEOPLE, rows)
    statement = statement.on_conflict_do_nothing(index_elements=["agency_id", "identifier_key"])
    return set(db.connection().execute(statement.returning(PEOPLE.c.id), given).scalars())


def change(db: Session, changed: Sequence[tuple[str, Line]], *, run: str, now: datetime) -> None:
    """Put person data in place of what is stored, by id. Credentials, expiry and closing are not touched."""
    if not changed:
        return
    rows = [{**_person(line, run=run, now=now), "wanted_id": id_} for id_, line in changed]
    names = [name for name in rows[0] if name != "wanted_id"]
    statement = update(PEOPLE).where(PEOPLE.c.id == bindparam("wanted_id"))
    db.connection().execute(statement.values({name: bindparam(name) for name in names}), rows)


def put_contracts(db: Session, lines: Sequence[tuple[str, Line]], *, new_id: Callable[[], str], replace: bool) -> None:
    """Store the contracts of letters, by the letters' ids. replace: in place of those stored."""
    if replace and lines:
        db.execute(delete(CONTRACTS).where(CONTRACTS.c.provisional_account_id.in_([id_ for id_, _ in lines])))
    rows = [
        {
            "id": new_id(),
            "provisional_account_id": id_,
            "reference": reference,
            "role": line.person.role.value,
            "mandate": line.person.mandate,
            "position": position,
        }
        for id_, line in lines
        for position, reference in enumerate(line.contracts)
    ]
    if rows:
        db.connection().execute(*_insertion(db, CONTRACTS, rows))


def sealed(db: Session, agency_id: str, *, limit: int) -> list[Waiting]:
    """Letters of an agency whose passwords have not left in a file yet, oldest first."""
    statement = (
        select(PEOPLE.c.sealed_password, *(PEOPLE.c[one.name] for one in fields(Letter)))
        .where(PEOPLE.c.agency_id == agency_id, PEOPLE.c.sealed_password.is_not(None))
        .order_by(PEOPLE.c.id)
        .limit(limit)
    )
    return [Waiting(Letter(*columns), password) for password, *columns in db.execute(statement)]


def letter_of(new: New) -> Letter:
    """The same of a letter that was just stored, without reading it."""
    person = new.line.person
    return Letter(
        id=new.id,
        identifier=new.line.identifier,
        civility=person.civility,
        last_name=person.last_name,
        first_name=person.first_name,
        company_name=person.company_name,
        street=person.street,
        postal_code=person.postal_code,
        city=person.city,
    )


def count_sealed(db: Session, agency_ids: Sequence[str]) -> int:
    """How many passwords of these agencies wait for a letters file."""
    return sum(
        db.execute(select(func.count(PEOPLE.c.sealed_password)).where(PEOPLE.c.agency_id == agency_id)).scalar_one()
        for agency_id in agency_ids
    )


def wipe(db: Session, ids: Sequence[str]) -> None:
    """Forget the passwords that have left."""
    db.execute(update(PEOPLE).where(PEOPLE.c.id.in_(ids)).values(sealed_password=None))


def agencies(db: Session) -> dict[tuple[str, str], AgencyView]:
    """All agencies by their two canonical codes, closed ones too; read once a run."""
    return {(one.customer_code, one.company_code): one for one in tenancy.agencies(db)}


def _insertion(db: Session, table: Table, rows: Sequence[dict[str, Any]]) -> tuple[Any, Any]:
    """An INSERT of these rows, and its parameters.

    On PostgreSQL the rows are one JSON parameter of one statement that is always the same. As many VALUES, five hundred
    rows are eleven thousand placeholders, and writing and parsing that text took a quarter of an import.
    """
    if db.get_bind().dialect.name != "postgresql":
        return upsert(db, table), rows
    columns = [column(name, table.c[name].type) for name in rows[0]]
    given = func.json_to_recordset(cast(bindparam("given", type_=Text), JSON)).table_valued(*columns)
    given = given.render_derived(name="given", with_types=True)
    statement = upsert(db, table).from_select(list(rows[0]), select(given))
    return statement, {"given": json.dumps(rows, default=datetime.isoformat)}


def _person(line: Line, *, run: str, now: datetime) -> dict[str, Any]:
    return {
        **vars(line.person),
        "role": line.person.role.value,
        "import_run": run,
        "import_line": line.number,
        "import_digest": line.digest,
        "updated_at": now,
    }
