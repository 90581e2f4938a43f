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


class Ready:
    """The ready connections of one engine; for any number of threads."""

    def __init__(
        self, engine: Engine, *, most: int, options: Mapping[str, Any], fit: Callable[[Connection], bool]
    ) -> None:
        """most: kept at once, the others go back. options: SQLAlchemy's, of each. fit: whether one that waited is of use."""
        self._engine = engine
        self._most = most
        self._options = options
        self._fit = fit
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
        return self._engine.connect().execution_options(**self._options)

    def give(self, connection: Connection) -> None:
        """Keep a connection whose statements all succeeded."""
        if connection.in_transaction():  # SQLAlchemy's notion of one; nothing was begun
            connection.rollback()
        if connection.invalidated or len(self._waiting) >= self._most:
            connection.close()
        else:
            self._waiting.append(connection)

    def _pop(self) -> Connection | None:
        try:
            return self._waiting.pop()
        except IndexError:
            return None

    def _end_all(self, _engine: Engine) -> None:
        while (connection := self._pop()) is not None:
            connection.invalidate()
            connection.close()
