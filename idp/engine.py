"""The engine: how its connections are made, and how each kind of transaction begins on them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from sqlalchemy import QueuePool, event
from sqlalchemy.engine import Connection, Dialect, Engine

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
# Options of a connection, by the kind of its transactions.
WRITING: Mapping[str, str] = {_OPENING: _WRITES}
READING: Mapping[str, str] = {_OPENING: _READS}
SNAPSHOT: Mapping[str, str] = {_OPENING: _SNAPSHOT}
_AT_ONCE: Mapping[str, str] = {_OPENING: _NONE}
_READY: Final = "idp_ready"  # an engine's `Ready`, among its options
_OVERFLOW = 10  # connections of a rush, beyond those kept open


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


def ready(engine: Engine) -> Ready:
    """The connections of an engine that are kept ready for the hot paths."""
    found: Ready = engine.get_execution_options()[_READY]
    return found


def begin_writing(dialect: Dialect) -> str:
    """How a transaction that writes begins."""
    return _BEGIN[dialect.name][_WRITES]


def connections_in_use(engine: Engine) -> int:
    """Connections of this process that work at this moment."""
    pool = engine.pool
    return pool.checkedout() - len(ready(engine)) if isinstance(pool, QueuePool) else 0


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
        kept = Ready(engine, most=most, options=_AT_ONCE, fit=_always)
    else:
        from idp import postgres  # with its driver, which is not small

        postgres.prepare(engine)
        plans = postgres.BY_INDEX if serves else {}
        kept = Ready(engine, most=most, options=_AT_ONCE, fit=postgres.is_silent, **plans)
    engine.update_execution_options(**{_READY: kept})


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
