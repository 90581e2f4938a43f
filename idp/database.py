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
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from flask import Flask, has_app_context
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import DateTime, MetaData, QueuePool, Table, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Dialect, Engine
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import TypeDecorator

from idp import metrics, patience
from idp.ready import Ready
from idp.settings import Settings

# How a transaction begins: an execution option, read when it does.
_OPENING: Final = "idp_opening"
_PLAIN, _WRITES, _READS, _SNAPSHOT, _NONE = "plain", "writes", "reads", "snapshot", "none"
_BEGIN: Mapping[str, Mapping[str, str]] = {
    "sqlite": {_PLAIN: "BEGIN", _WRITES: "BEGIN IMMEDIATE", _READS: "BEGIN", _SNAPSHOT: "BEGIN", _NONE: ""},
    "postgresql": {
        _PLAIN: "BEGIN",
        _WRITES: "BEGIN",
        _READS: "",  # without BEGIN and COMMIT a read is one round trip instead of three
        _SNAPSHOT: "BEGIN ISOLATION LEVEL REPEATABLE READ",
        _NONE: "",
    },
}
# With WAL a killed process loses nothing that was committed, in either. A power cut may take the last commits of a service;
# not those of a command: an import's letters are on the disk by then, and would hold passwords that nobody has.
_SYNCHRONOUS: Mapping[bool, str] = {True: "NORMAL", False: "FULL"}
WRITING: Mapping[str, str] = {_OPENING: _WRITES}  # of a connection whose transactions write
# An INSERT that may be given `on_conflict_do_update` or `…_do_nothing`, by dialect.
INSERT: Mapping[str, Callable[[Table], Any]] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}
_READY: Final = "idp_ready"  # an engine's `Ready`, among its options
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
    with _session({_OPENING: _READS}) as session:
        yield session


@contextmanager
def snapshot() -> Iterator[Session]:
    """Reads that all see the database of one instant, for what takes many statements. Writes of others go on."""
    with _session({_OPENING: _SNAPSHOT}) as session:
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
            self.ready: Ready = db.engine.get_execution_options()[_READY]

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
    return _AtOnce(db.engine.get_execution_options()[_READY] if bare is None else bare.ready)


def table_of(model: type[Model]) -> Table:
    """The table of a model, for statements that are built once."""
    return model.metadata.tables[model.__tablename__]


def begin_writing(dialect: Dialect) -> str:
    """How a transaction that writes begins."""
    return _BEGIN[dialect.name][_WRITES]


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


def engine_options(settings: Settings) -> dict[str, Any]:
    """What Flask-SQLAlchemy passes to `create_engine`: nothing waits for ever, neither here nor in the server."""
    # The values of a failed statement would stand in its error, and so in a log: digests, addresses, bodies of mails.
    common = {"hide_parameters": True}
    if settings.database_url.get_secret_value().startswith("sqlite"):
        return {**common, "connect_args": {"timeout": 30}}
    limits = {
        "statement_timeout": settings.database_statement_timeout_seconds,
        "lock_timeout": settings.database_lock_timeout_seconds,
        "idle_in_transaction_session_timeout": settings.database_idle_transaction_timeout_seconds,
    }
    return {
        **common,
        "pool_size": settings.database_pool_size,
        "max_overflow": _OVERFLOW,
        "pool_timeout": settings.database_pool_timeout_seconds,
        "connect_args": {
            "autocommit": True,  # the driver begins nothing by itself: `begin` below says how each transaction does
            "connect_timeout": settings.database_connect_timeout_seconds,
            # What was sent and not even acknowledged: the host is gone, or a cable is.
            "tcp_user_timeout": settings.database_connect_timeout_seconds * 1000,
            "keepalives_idle": 30,
            "options": " ".join(f"-c {name}={seconds}s" for name, seconds in limits.items()) + " -c timezone=UTC",
        },
    }


def connections_in_use(engine: Engine) -> int:
    """Connections of this process that work at this moment."""
    pool = engine.pool
    return pool.checkedout() - len(engine.get_execution_options()[_READY]) if isinstance(pool, QueuePool) else 0


def connections_limit(pool_size: int) -> int:
    """How many connections a process may open."""
    return pool_size + _OVERFLOW


def prepare(engine: Engine, *, serves: bool = False) -> None:
    """Set up an engine's connections; once, when the application is made. serves: for requests, not for a command."""
    opening = _BEGIN[engine.dialect.name]

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        begin = opening[options.get(_OPENING, _PLAIN)]
        if begin and options.get("isolation_level") != "AUTOCOMMIT":
            connection.exec_driver_sql(begin)

    most = engine.pool.size() if isinstance(engine.pool, QueuePool) else 0
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", partial(_connect_sqlite, _SYNCHRONOUS[serves]))
        ready = Ready(engine, most=most, options={_OPENING: _NONE}, fit=_always)
    else:
        from idp import postgres  # with its driver, which is not small

        postgres.prepare(engine)
        plans = postgres.BY_INDEX if serves else {}
        ready = Ready(engine, most=most, options={_OPENING: _NONE}, fit=postgres.is_silent, **plans)
    engine.update_execution_options(**{_READY: ready})


def _always(_: Connection) -> bool:
    return True


def _connect_sqlite(synchronous: str, connection: Any, _record: Any) -> None:
    # The driver's own transaction control is off: `begin` says which kind of transaction it is.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute(f"PRAGMA synchronous={synchronous}")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()
