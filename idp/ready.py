"""Connections that are kept ready for statements of the hot paths, apart from SQLAlchemy's pool.

Taking a connection from the pool and giving it back (two objects, two events, a rollback of nothing) took half as long
as the statement that it was for. A connection whose statements are each whole in themselves has nothing to be reset, so
the one that was used last is the next one's. They come from the pool, which still counts them and still ends them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError


class Ready:
    """The ready connections of one engine; for any number of threads."""

    def __init__(
        self,
        engine: Engine,
        *,
        most: int,
        options: Mapping[str, Any],
        fit: Callable[[Connection], bool],
        set_up: str = "",
        undo: str = "",
    ) -> None:
        """most: kept at once, the others go back. options: SQLAlchemy's, of each. fit: whether one that waited is of use.

        set_up, undo: SQL that a connection is taken from the pool with, and given back to it with.
        """
        self._engine = engine
        self._most = most
        self._options = options
        self._fit = fit
        self._set_up, self._undo = set_up, undo
        self._waiting: deque[Connection] = deque()  # its ends are safe to take from at the same time
        event.listen(engine, "engine_disposed", self._end_all)

    def __len__(self) -> int:
        return len(self._waiting)

    def take(self) -> Connection:
        """A connection, the caller's until it is given back or closed. Raises DBAPIError, TimeoutError as `connect`."""
        while (connection := self._pop()) is not None:
            if self._fit(connection):
                return connection
            connection.invalidate()
            connection.close()
        connection = self._engine.connect().execution_options(**self._options)
        try:
            _run(connection, self._set_up)
        except BaseException:
            connection.invalidate()
            connection.close()
            raise
        return connection

    def give(self, connection: Connection) -> None:
        """Keep a connection whose statements all succeeded."""
        if connection.in_transaction():  # SQLAlchemy's notion of one; nothing was begun
            connection.rollback()
        if connection.invalidated or len(self._waiting) >= self._most:
            self.give_up(connection)
        else:
            self._waiting.append(connection)

    def give_up(self, connection: Connection) -> None:
        """Give a connection to the pool, which makes sure that nothing is left of what failed."""
        try:
            if not connection.invalidated:
                connection.rollback()
                _run(connection, self._undo)
        except DBAPIError:
            connection.invalidate()
        connection.close()

    def _pop(self) -> Connection | None:
        try:
            return self._waiting.pop()
        except IndexError:
            return None

    def _end_all(self, _engine: Engine) -> None:
        while (connection := self._pop()) is not None:
            connection.invalidate()
            connection.close()


def _run(connection: Connection, sql: str) -> None:
    if sql:
        connection.exec_driver_sql(sql)
        connection.rollback()
