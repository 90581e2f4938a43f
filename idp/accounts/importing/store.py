"""Every SQL statement of the import: a batch of lines at a time, the same few statements for each, however many lines.

What is to be stored goes into a temporary table first (COPY on PostgreSQL), and one statement moves it from there: as
parameters of the statement itself a batch was tens of thousands of placeholders, as JSON it was taken apart twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Dialect,
    MetaData,
    Select,
    Table,
    Text,
    bindparam,
    cast,
    column,
    delete,
    func,
    literal_column,
    select,
    text,
    true,
    tuple_,
    update,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.schema import CreateTable

from idp.accounts.importing.cleaning import Line, Person
from idp.accounts.tables import Contract, ProvisionalAccount
from idp.database import table_of, upsert
from idp.tenancy import store as tenancy
from idp.tenancy.store import AgencyView

PEOPLE = table_of(ProvisionalAccount)
CONTRACTS = table_of(Contract)
_TOLD = (
    *Person._fields,
    "import_line",
    "import_digest",
)  # what a line tells; it is replaced when another line tells more
_MADE = ("id", "agency_id", "identifier", "identifier_key", "password_digest", "sealed_password")
_GIVEN = Table(
    "given_letters",
    MetaData(),
    *(Column(name, PEOPLE.c[name].type) for name in (*_MADE, *_TOLD)),
    prefixes=["TEMPORARY"],
    postgresql_on_commit="DELETE ROWS",
)


class Known(NamedTuple):
    """A letter that is stored already. name: of its person; closed: it became somebody's account, or was ended."""

    id: str
    digest: str
    name: str
    closed: bool


@dataclass(slots=True)
class New:
    """A letter to store. sealed_password, made_password: of a password made here; None for one that was given."""

    id: str
    line: Line
    agency: AgencyView
    password_digest: str = field(repr=False)
    sealed_password: str | None = field(repr=False)
    made_password: str | None = field(repr=False)


class Letter(NamedTuple):
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


def known(db: Connection, wanted: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Known]:
    """The stored letters among these, by agency and key of the identifier."""
    agency_id, key = PEOPLE.c.agency_id, PEOPLE.c.identifier_key
    statement = select(
        *(agency_id, key, PEOPLE.c.id, PEOPLE.c.import_digest),
        *(PEOPLE.c.last_name, PEOPLE.c.first_name, PEOPLE.c.company_name, PEOPLE.c.closed_at),
    ).where(tuple_(agency_id, key).in_(_listed(db.dialect, "agency_id", "key")))
    given = json.dumps([{"agency_id": agency, "key": key} for agency, key in wanted])
    return {
        (agency, key): Known(id_, digest, last_name + first_name + company_name, closed_at is not None)
        for agency, key, id_, digest, last_name, first_name, company_name, closed_at in db.execute(
            statement, {"given": given}
        )
    }


def add(db: Session, new: Sequence[New], *, run: str, expires_at: datetime, now: datetime) -> set[str]:
    """Store new letters; returns the ids of those stored. Another import may have been first: then it stays as it is."""
    if not new:
        return set()
    rows = [
        (one.id, one.agency.id, line.identifier, line.key, one.password_digest, one.sealed_password, *_told(line))
        for one in new
        for line in (one.line,)
    ]
    _give(db, (*_MADE, *_TOLD), rows)
    same = {"import_run": run, "expires_at": expires_at, "created_at": now, "updated_at": now}
    moved = select(*_GIVEN.c, *(bindparam(name, type_=PEOPLE.c[name].type) for name in same)).where(true())
    statement = upsert(db, PEOPLE).from_select([*_GIVEN.c.keys(), *same], moved)
    statement = statement.on_conflict_do_nothing(index_elements=["agency_id", "identifier_key"])
    return set(db.connection().execute(statement.returning(PEOPLE.c.id), same).scalars())


def change(db: Session, changed: Sequence[tuple[str, Line]], *, run: str, now: datetime) -> None:
    """Put person data in place of what is stored, by id. Credentials, expiry and closing are not touched."""
    if not changed:
        return
    _give(db, ("id", *_TOLD), [(id_, *_told(line)) for id_, line in changed])
    statement = update(PEOPLE).where(PEOPLE.c.id == _GIVEN.c.id)
    db.connection().execute(
        statement.values({**{name: _GIVEN.c[name] for name in _TOLD}, "import_run": run, "updated_at": now})
    )


def put_contracts(
    db: Session, lines: Sequence[tuple[str, Line]], *, new_ids: Callable[[int], list[str]], replace: bool
) -> None:
    """Store the contracts of letters, by the letters' ids. replace: in place of those stored."""
    if replace and lines:
        statement = delete(CONTRACTS).where(
            CONTRACTS.c.provisional_account_id.in_(_listed(db.connection().dialect, "id"))
        )
        db.execute(statement, {"given": json.dumps([{"id": id_} for id_, _ in lines])})
    names = ("id", "provisional_account_id", "reference", "role", "mandate", "position")
    rows = [
        (id_, reference, line.person.role, line.person.mandate, position)
        for id_, line in lines
        for position, reference in enumerate(line.contracts)
    ]
    if rows:
        _copy(db, CONTRACTS, names, [(id_, *row) for id_, row in zip(new_ids(len(rows)), rows, strict=True)])


def sealed(db: Session, agency_id: str, *, limit: int) -> list[Waiting]:
    """Letters of an agency whose passwords have not left in a file yet, oldest first."""
    statement = (
        select(PEOPLE.c.sealed_password, *(PEOPLE.c[name] for name in Letter._fields))
        .where(PEOPLE.c.agency_id == agency_id, PEOPLE.c.sealed_password.is_not(None))
        .order_by(PEOPLE.c.id)
        .limit(limit)
    )
    return [Waiting(Letter(*columns), password) for password, *columns in db.execute(statement)]


def letter_of(new: New) -> Letter:
    """The same of a letter that was just stored, without reading it."""
    line, person = new.line, new.line.person
    name = person.civility, person.last_name, person.first_name, person.company_name
    return Letter(new.id, line.identifier, *name, person.street, person.postal_code, person.city)


def count_sealed(db: Session, agency_ids: Sequence[str]) -> int:
    """How many passwords of these agencies wait for a letters file."""
    return sum(
        db.execute(select(func.count(PEOPLE.c.sealed_password)).where(PEOPLE.c.agency_id == agency_id)).scalar_one()
        for agency_id in agency_ids
    )


def wipe(db: Session, ids: Sequence[str]) -> None:
    """Forget the passwords that have left.

    Nobody waits until that is on the disk: the next batch's commit takes it along, and a wipe that a power cut undoes is
    what the letters file remembers its last rows for.
    """
    if db.connection().dialect.name == "postgresql":
        db.execute(text("SET LOCAL synchronous_commit TO off"))
    statement = (
        update(PEOPLE).where(PEOPLE.c.id.in_(_listed(db.connection().dialect, "id"))).values(sealed_password=None)
    )
    db.execute(statement, {"given": json.dumps([{"id": id_} for id_ in ids])})


def agencies(db: Session) -> dict[tuple[str, str], AgencyView]:
    """All agencies by their two canonical codes, closed ones too; read once a run."""
    return {(one.customer_code, one.company_code): one for one in tenancy.agencies(db)}


def _told(line: Line) -> tuple[str | int | None, ...]:
    """Of `_TOLD`."""
    return (*line.person, line.number, line.digest)


def _listed(dialect: Dialect, *names: str) -> Select[Any]:
    """The rows of the JSON parameter `given`: one statement for however many, where IN has a placeholder for each."""
    given = bindparam("given", type_=Text)
    if dialect.name == "postgresql":
        columns = [column(name, Text) for name in names]
        rows = func.json_to_recordset(cast(given, JSON)).table_valued(*columns)
        return select(rows.render_derived(name="given", with_types=True))
    each = func.json_each(given).table_valued("value")
    return select(*(func.json_extract(each.c.value, literal_column(f"'$.{name}'")) for name in names))


def _give(db: Session, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Put rows, and nothing else, into the temporary table."""
    connection = db.connection()
    connection.execute(CreateTable(_GIVEN, if_not_exists=True))
    connection.execute(delete(_GIVEN))
    _copy(db, _GIVEN, names, rows)


def _copy(db: Session, table: Table, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Add rows, one or more, of texts and numbers as fast as the database takes them."""
    connection = db.connection()
    into = f"{table.name} ({', '.join(names)})"
    if connection.dialect.name != "postgresql":
        connection.exec_driver_sql(f"INSERT INTO {into} VALUES ({', '.join('?' for _ in names)})", list(rows))  # noqa: S608
        return
    driver: Any = connection.connection.driver_connection
    failures: Any = connection.dialect.loaded_dbapi.Error
    try:
        with driver.cursor() as cursor, cursor.copy(f"COPY {into} FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
    except failures as error:
        # The driver is asked directly here; whoever called knows SQLAlchemy's errors.
        raise DBAPIError.instance(
            into, None, error, failures, hide_parameters=True, dialect=connection.dialect
        ) from error
