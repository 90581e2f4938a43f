"""Connections to PostgreSQL: waited for only as long as there is patience left (idp/patience.py), and fit for use.

Loaded where PostgreSQL is the database, since the driver is not small.
"""

from __future__ import annotations

import select as descriptors
import time
from collections.abc import Mapping, Sequence
from itertools import count
from math import ceil
from typing import Any

import psycopg
from psycopg.adapt import PyFormat, Transformer
from psycopg.generators import execute
from psycopg.pq import ExecStatus
from sqlalchemy import event
from sqlalchemy.engine import Connection as Connected
from sqlalchemy.engine import Engine
from sqlalchemy.exc import InvalidatePoolError

from idp import patience

_USED = "idp_used"
# Each statement of the hot paths finds its rows by an index. A connection keeps the plan that it made when it first asked: one
# made while a table was nearly empty reads all of it, and did so until the next ANALYZE, with a thousand times as many rows.
# Of these connections only: in a statement that joins or picks rows to change, the planner no longer tells plans apart.
BY_INDEX: Mapping[str, str] = {"set_up": "SET enable_seqscan = off", "undo": "RESET enable_seqscan"}


def prepare(engine: Engine) -> None:
    """Set up an engine's connections; once, when the application is made."""
    event.listen(engine, "do_connect", _open)
    event.listen(engine, "checkin", _given_back)
    event.listen(engine, "checkout", _require_silence)


class Connection(psycopg.Connection[Any]):
    """A connection to PostgreSQL that is waited for as long as there is patience left."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        # What the server calls a statement that it has parsed, by its SQL and the types of its values.
        self.names: dict[tuple[bytes, tuple[int, ...] | None], bytes] = {}
        self.named = count(1)

    @classmethod
    def open(cls, *args: Any, **options: Any) -> Connection:
        """As `connect`, within the patience that is left."""
        turn = patience.turn()
        if turn is None:
            return cls.connect(*args, **options)
        seconds = min(options["connect_timeout"], max(2, ceil(turn.left)))  # libpq takes no less than two
        if turn.left <= 0:
            raise psycopg.OperationalError("no patience is left to connect")
        started = time.monotonic()
        try:
            return cls.connect(*args, **{**options, "connect_timeout": seconds})
        finally:
            turn.left -= time.monotonic() - started

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """As in the base class. Raises OperationalError, the connection closed, when the patience is used up.

        The connection cannot be used further: an answer that comes later would be taken for that of the next question.
        """
        turn = patience.turn()
        if turn is None:
            return super().wait(gen, interval, timeout)
        started = time.monotonic()
        try:
            # Zero polls once: what has been answered already is still read.
            return super().wait(gen, interval, max(0.0, turn.left) if timeout is None else timeout)
        except psycopg.errors._WaitTimeout:
            self.close()
            raise psycopg.OperationalError("the database did not answer in time") from None
        finally:
            turn.left -= time.monotonic() - started

    def prepared(self, sql: str) -> Prepared:
        """A statement to be run many times; its parameters are $1, $2 and so on."""
        return Prepared(self, sql.encode())

    def _deallocate(self, name: bytes | None) -> Any:
        """As in the base class, which lets all go (None) when something it prepared might not be what it was."""
        if name is None:
            self.names.clear()
        return super()._deallocate(name)


class Prepared:
    """A statement on one connection: parsed by the server once, its values and columns looked at once.

    A cursor of the driver does for each execution what it does for one of any statement, which took as long as all the
    rest.
    """

    def __init__(self, connection: Connection, sql: bytes) -> None:
        self._connection = connection
        self._sql = sql
        self._adapt = Transformer(connection)

    def rows(self, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """All rows. Raises psycopg.Error."""
        result = self._run(values)
        self._adapt.set_pgresult(result)
        return self._adapt.load_rows(0, result.ntuples, tuple)

    def touched(self, values: Sequence[Any]) -> int:
        """How many rows it touched. Raises psycopg.Error."""
        return self._run(values).command_tuples or 0

    def _run(self, values: Sequence[Any]) -> Any:
        adapt, connection = self._adapt, self._connection
        placed = adapt.dump_sequence(values, [PyFormat.AUTO] * len(values))
        name = connection.names.get((self._sql, adapt.types)) or self._prepare(adapt.types)
        connection.pgconn.send_query_prepared(name, placed, param_formats=adapt.formats)
        return self._answer()

    def _prepare(self, types: tuple[int, ...] | None) -> bytes:
        name = b"idp_%d" % next(self._connection.named)
        self._connection.pgconn.send_prepare(name, self._sql, param_types=types)
        self._answer()
        self._connection.names[self._sql, types] = name
        return name

    def _answer(self) -> Any:
        result = self._connection.wait(execute(self._connection.pgconn))[0]
        if result.status not in _GOOD:
            raise psycopg.errors.error_from_result(result, encoding=self._connection.info.encoding)
        return result


_GOOD = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)


def _open(_dialect: Any, _record: Any, args: Any, options: Any) -> Connection:
    return Connection.open(*args, **options)


def _given_back(_connection: Any, record: Any) -> None:
    record.info[_USED] = True


def is_silent(connection: Connected) -> bool:
    """Whether a connection that waited can be used (`_require_silence`)."""
    driver: Any = connection.connection.driver_connection
    return not _readable(driver.pgconn.socket)


def _require_silence(connection: Any, record: Any, _proxy: Any) -> None:
    """A connection that waits in the pool hears nothing, unless the server ended it: then a new one is made.

    This look at the socket costs no round trip; asking the server (`SELECT 1`), as pools do by habit, is half the time
    of most requests. A new connection is not looked at: TLS leaves words of its own behind at first.
    """
    if record.info.get(_USED) and _readable(connection.pgconn.socket):
        raise InvalidatePoolError("the server ended a connection that waited in the pool")
    if not connection.autocommit:  # whoever asked for an isolation level left the driver to begin by itself
        connection.autocommit = True


def _readable(descriptor: int) -> bool:
    look = descriptors.poll()
    look.register(descriptor, descriptors.POLLIN)
    return bool(look.poll(0))
