"""The database: one `db`, a naming convention for constraints, instants in UTC, and the kinds of transaction.

`transaction()` is the unit of work of everything that writes; `reading()` of everything that only reads, `snapshot()`
of what reads long and must not see changes meanwhile, `at_once()` of the hot paths, where each statement is whole in
itself. None is ever open while a password is hashed. SQLite (embedded, WAL) and PostgreSQL run the same statements.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from flask import Flask, has_app_context
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import DateTime, MetaData, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import TypeDecorator

from idp import metrics, patience
from idp.engine import READING, SNAPSHOT, WRITING, ready
from idp.ready import Ready

# An INSERT that may be given `on_conflict_do_update` or `…_do_nothing`, by dialect.
INSERT: Mapping[str, Callable[[Table], Any]] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False})
# `db.Model` is made at run time, which type checkers cannot follow; both names are the same declarative base.
if TYPE_CHECKING:
    Model = Base
else:
    Model = db.Model


class Utc(TypeDecorator[datetime]):
    """An aware UTC instant. SQLite keeps no offset, so it is dropped on the way in and put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant must be aware")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Versioned(Protocol):
    """A flow as a value: every change makes a new value with the next version."""

    @property
    def id(self) -> str: ...

    @property
    def version(self) -> int: ...

    @property
    def state(self) -> str: ...


# Whatever runs statements; columns are read alike from both.
Executor = Session | Connection


@contextmanager
def transaction() -> Iterator[Session]:
    """A unit of work: committed at the end, rolled back on any error, never nested.

    On SQLite it takes the write lock at once: a transaction that reads first and writes later would fail with
    "database is locked" whenever another one committed in between, and no time-out helps against that.
    """
    with _session(WRITING) as session:
        try:
            yield session
            session.commit()
            patience.committed()
        except BaseException:
            session.rollback()
            raise


@contextmanager
def reading() -> Iterator[Session]:
    """Reads without a unit of work; on PostgreSQL without BEGIN and COMMIT either, which halves the round trips."""
    with _session(READING) as session:
        yield session


@contextmanager
def snapshot() -> Iterator[Session]:
    """Reads that all see the database of one instant, for what takes many statements. Writes of others go on."""
    with _session(SNAPSHOT) as session:
        yield session


@contextmanager
def _session(opening: Mapping[str, str]) -> Iterator[Session]:
    """A session whose connection is open. Closing it detaches what was read without forgetting it, so rows can be shown."""
    bare = _BARE.get()
    with nullcontext() if bare is None or has_app_context() else bare.app.app_context():
        session = db.session()
        if session.in_transaction():
            raise RuntimeError("transactions do not nest: pass the session on")
        try:
            session.connection(execution_options=opening)
            yield session
        finally:
            db.session.remove()


class Bare:
    """An application's database for calls that most often ask one statement of it: `with bare:`, by any number of threads.

    Entering Flask's context and leaving it took a twentieth of such a call; it is entered for a session alone.
    """

    def __init__(self, app: Flask) -> None:
        self.app = app
        with app.app_context():
            self.ready = ready(db.engine)

    def __enter__(self) -> None:
        _BARE.set(self)

    def __exit__(self, *_: object) -> None:
        _BARE.set(None)


_BARE: ContextVar[Bare | None] = ContextVar("idp_bare", default=None)


class _AtOnce:
    """A ready connection for as long as it is needed. A class, since a generator takes twice as long."""

    __slots__ = ("_connection", "_ready")

    def __init__(self, ready: Ready) -> None:
        self._ready = ready

    def __enter__(self) -> Connection:
        self._connection = self._ready.take()
        return self._connection

    def __exit__(self, failure: type[BaseException] | None, *_: object) -> None:
        if failure is None:
            self._ready.give(self._connection)
        else:
            self._ready.give_up(self._connection)


def at_once() -> _AtOnce:
    """For statements each of which is whole in itself, as the hot paths have them: no BEGIN, no COMMIT, no session.

    Most are a `Statement`, and what may happen once a `Guarded` (idp/statements.py).
    """
    bare = _BARE.get()
    return _AtOnce(ready(db.engine) if bare is None else bare.ready)


def table_of(model: type[Model]) -> Table:
    """The table of a model, for statements that are built once."""
    return model.metadata.tables[model.__tablename__]


def dialect_of(db: Executor) -> str:
    """Which database it is: `postgresql` or `sqlite`."""
    return (db.get_bind() if isinstance(db, Session) else db).dialect.name


def upsert(db: Executor, table: Table) -> Any:
    """An INSERT that may be given `on_conflict_do_update` or `…_do_nothing`, in the dialect of the database."""
    return INSERT[dialect_of(db)](table)


def changed(result: Any) -> int:
    """Rows that an UPDATE or DELETE touched: how a guarded statement says whether it won (an INSERT says it by RETURNING)."""
    return int(result.rowcount)


def save_if_unchanged(db: Session, table: type[Model], before: Versioned, after: Versioned) -> bool:
    """Store a new version of a flow where the old one still stands; False when another act came first.

    The version in the condition is what makes of two acts at once one that counts and one that is told.
    """
    row = table.__table__
    values = {name: value for name, value in vars(after).items() if name != "id"}
    statement = row.update().where(row.c.id == before.id, row.c.version == before.version).values(**values)  # type: ignore[attr-defined]
    won = changed(db.execute(statement)) == 1
    if won and before.state != after.state:
        metrics.flow_step(table.__tablename__.removesuffix("_flows"), after.state)
    return won
