"""The database: one `db`, a naming convention for constraints, instants in UTC, and the kinds of transaction.

`transaction()` is the unit of work of everything that writes; `reading()` of everything that only reads, `snapshot()`
of what reads long and must not see changes meanwhile. None is ever open while a password is hashed. SQLite (embedded,
WAL) and PostgreSQL run the same statements.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import DateTime, MetaData, QueuePool, Table, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Dialect, Engine
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import TypeDecorator

from idp import metrics

_WRITES = "idp_writes"
_OVERFLOW = 10  # connections of a rush, beyond those kept open


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


@contextmanager
def transaction() -> Iterator[Session]:
    """A unit of work: committed at the end, rolled back on any error, never nested.

    On SQLite it takes the write lock at once: a transaction that reads first and writes later would fail with
    "database is locked" whenever another one committed in between, and no time-out helps against that.
    """
    session = db.session()
    if session.in_transaction():
        raise RuntimeError("transactions do not nest: pass the session on")
    try:
        session.connection(execution_options={_WRITES: True})
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        db.session.remove()


@contextmanager
def reading() -> Iterator[Session]:
    """Reads without a unit of work; on PostgreSQL without BEGIN and COMMIT either, which halves the round trips."""
    session = db.session()
    if session.in_transaction():
        raise RuntimeError("transactions do not nest: pass the session on")
    try:
        if session.get_bind().dialect.name == "postgresql":
            session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
        yield session
    finally:
        # Closing detaches what was read without forgetting it, so rows can be shown after the connection is given back.
        db.session.remove()


@contextmanager
def snapshot() -> Iterator[Session]:
    """Reads that all see the database of one instant, for what takes many statements. Writes of others go on."""
    session = db.session()
    if session.in_transaction():
        raise RuntimeError("transactions do not nest: pass the session on")
    try:
        if session.get_bind().dialect.name == "postgresql":
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        yield session
    finally:
        db.session.remove()


def upsert(session: Session, table: Table) -> Any:
    """An INSERT that may be given `on_conflict_do_update` or `…_do_nothing`, in the session's dialect."""
    if session.get_bind().dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


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


def engine_options(url: str, *, pool_size: int, statement_timeout_seconds: int) -> dict[str, Any]:
    """What Flask-SQLAlchemy passes to `create_engine`."""
    # The values of a failed statement would stand in its error, and so in a log: digests, addresses, bodies of mails.
    common = {"hide_parameters": True}
    if url.startswith("sqlite"):
        return {**common, "connect_args": {"timeout": 30}}
    return {
        **common,
        "pool_size": pool_size,
        "max_overflow": _OVERFLOW,
        "pool_pre_ping": True,
        "connect_args": {"options": f"-c statement_timeout={statement_timeout_seconds * 1000} -c timezone=UTC"},
    }


def connections_in_use(engine: Engine) -> int:
    """Connections of this process that work at this moment."""
    pool = engine.pool
    return pool.checkedout() if isinstance(pool, QueuePool) else 0


def connections_limit(pool_size: int) -> int:
    """How many connections a process may open."""
    return pool_size + _OVERFLOW


def prepare(engine: Engine) -> None:
    """Set up an engine's connections; once, when the application is made."""
    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        # The driver's own transaction control is off: `begin` below says which kind of transaction it is.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=NORMAL")  # with WAL, a killed process loses nothing that was committed
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
