"""Statements of the hot paths: written with SQLAlchemy as all others, compiled once, and run by the driver itself.

What SQLAlchemy does around each execution (a context, a result that could be many things, a cursor) takes three times as
long as the driver takes for the whole statement, and a refresh of a token was half that. `Statement` reads or writes;
`Guarded` is what may happen once, with the rows that follow from it; `writing()` is a unit of work of several.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Protocol

from sqlalchemy import Connection, Delete, Insert, Select, Table, Update, bindparam, literal_column, select
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from idp import patience
from idp.database import Executor, at_once
from idp.engine import begin_writing

# Rows to add: one a table, with all its columns.
Rows = Mapping[Table, Mapping[str, Any]]
Row = Sequence[Any]
AnySelect = Select[*tuple[Any, ...]]
AnyStatement = AnySelect | Insert | Update | Delete
_STYLE = {"postgresql": "numeric_dollar", "sqlite": "qmark"}  # of parameters, by position: a driver looks none up


class Statement:
    """A statement with named parameters, run many times; on a connection of `at_once` or `writing`, or a session."""

    def __init__(self, statement: AnyStatement) -> None:
        self._statement = statement
        self._compiled: dict[str, _Compiled] = {}

    def rows(self, db: Executor, values: Mapping[str, Any]) -> Sequence[Row]:
        """All rows of a SELECT, or of a RETURNING. values: of every parameter. Raises DBAPIError as SQLAlchemy does."""
        connection = _connection(db)
        if _heard(connection):
            return connection.execute(self._statement, values).all()
        return self._of(connection).rows(connection, values)

    def row(self, db: Executor, values: Mapping[str, Any]) -> Row | None:
        """The one row that there is, or None."""
        rows = self.rows(db, values)
        return rows[0] if rows else None

    def run(self, db: Executor, values: Mapping[str, Any]) -> int:
        """How many rows an INSERT, UPDATE or DELETE touched, one that returns none. Otherwise as `rows`."""
        connection = _connection(db)
        if _heard(connection):
            return connection.execute(self._statement, values).rowcount
        return self._of(connection).run(connection, values)

    def _of(self, connection: Connection) -> _Compiled:
        name = connection.dialect.name
        compiled = self._compiled.get(name)
        if compiled is None:
            compiled = self._compiled[name] = _Compiled(self._statement, connection.dialect)
        return compiled


def add_to(table: Table) -> Statement:
    """Adds one row; its parameters are called as the columns."""
    return Statement(table.insert().values({column: bindparam(column.name, type_=column.type) for column in table.c}))


class _Compiled:
    """A statement in the words of one database, with what its types do to values on the way in and out."""

    def __init__(self, statement: AnyStatement, dialect: Dialect) -> None:
        of_kind: Any = type(dialect)
        compiled = statement.compile(dialect=of_kind(paramstyle=_STYLE[dialect.name]))
        self._sql = str(compiled)
        binds: Mapping[str, Any] = compiled.binds
        order: Sequence[str] = compiled.positiontup or ()
        self._fixed = {name: bind.effective_value for name, bind in binds.items() if not bind.required}
        self._into = [(name, binds[name].type.dialect_impl(dialect).bind_processor(dialect)) for name in order]
        self._from = [
            (index, convert)
            for index, column in enumerate(statement.exported_columns)
            if (convert := column.type.dialect_impl(dialect).result_processor(dialect, None)) is not None
        ]

    def rows(self, connection: Connection, values: Mapping[str, Any]) -> Sequence[Row]:
        placed = self._placed(values)
        found: Sequence[Row] = _run(connection, self._sql, lambda driver: driver.rows(placed))
        return [self._converted(row) for row in found] if self._from else found

    def run(self, connection: Connection, values: Mapping[str, Any]) -> int:
        placed = self._placed(values)
        touched: int = _run(connection, self._sql, lambda driver: driver.touched(placed))
        return touched

    def _placed(self, values: Mapping[str, Any]) -> Sequence[Any]:
        given = {**self._fixed, **values} if self._fixed else values
        return [given[name] if convert is None else convert(given[name]) for name, convert in self._into]

    def _converted(self, row: Row) -> Row:
        values = list(row)
        for index, convert in self._from:
            values[index] = convert(values[index])
        return values


class Guarded:
    """What may happen once, and the rows that are added when it did; all or nothing, whoever else tries.

    PostgreSQL does it in one statement, so in one round trip with no transaction around it; SQLite, which cannot
    change data within WITH, in two or more within the transaction at hand, or one of its own.
    """

    def __init__(self, guard: Insert | Update | Delete) -> None:
        """guard: touches one row or none. A parameter of it must not be called TABLE_COLUMN of the rows to add."""
        one: Any = literal_column("1").label("one")
        self._guard = guard.returning(one)
        self._whole: dict[tuple[Table, ...], Statement] = {}

    def won(self, db: Executor, values: Mapping[str, Any], rows: Rows) -> bool:
        """Whether this caller is the one. values: of the guard. rows: what to add then."""
        won = self._won(_connection(db), values, rows)
        if won:
            patience.committed()
        return won

    def _won(self, connection: Connection, values: Mapping[str, Any], rows: Rows) -> bool:
        if connection.dialect.name == "postgresql":
            tables = tuple(rows)
            statement = self._whole.get(tables) or self._made(tables)
            added = {f"{table.name}_{name}": value for table, row in rows.items() for name, value in row.items()}
            return statement.row(connection, {**values, **added}) is not None
        if _begun(connection):
            return self._step_by_step(connection, values, rows)
        with _transaction(connection):
            return self._step_by_step(connection, values, rows)

    def _step_by_step(self, connection: Connection, values: Mapping[str, Any], rows: Rows) -> bool:
        if connection.execute(self._guard, values).first() is None:
            return False
        for table, row in rows.items():
            connection.execute(table.insert(), row)
        return True

    def _made(self, tables: tuple[Table, ...]) -> Statement:
        won = self._guard.cte("won")
        statement = select(won.c.one)
        for table in tables:
            values = [bindparam(f"{table.name}_{column.name}", type_=column.type) for column in table.columns]
            added = table.insert().from_select(list(table.columns), select(*values).select_from(won))
            statement = statement.add_cte(added.cte(f"added_{table.name}"))
        self._whole[tables] = Statement(statement)
        return self._whole[tables]


@contextmanager
def writing() -> Iterator[Connection]:
    """A unit of work of such statements: `transaction()` without the session, which costs more than they do."""
    with at_once() as connection:
        with _transaction(connection):
            yield connection
        patience.committed()


@contextmanager
def _transaction(connection: Connection) -> Iterator[None]:
    """A writing transaction on a connection of `at_once`."""
    _control(connection, begin_writing(connection.dialect))
    try:
        yield
        _control(connection, "COMMIT")
    except BaseException:
        _roll_back(connection)
        raise


def _begun(connection: Connection) -> bool:
    """Whether SQLite is within a transaction."""
    driver: Any = connection.connection.driver_connection
    return bool(driver.in_transaction)


def _control(connection: Connection, sql: str) -> None:
    if _heard(connection):
        connection.exec_driver_sql(sql)
    else:
        _run(connection, sql, lambda driver: driver.touched(()))


def _roll_back(connection: Connection) -> None:
    # Not as the driver's connection does it, which makes the server forget all statements that it has parsed. What the
    # database ended by itself has nothing to roll back, and a connection that is lost is thrown away already.
    if not connection.invalidated:
        with suppress(DBAPIError):
            _control(connection, "ROLLBACK")


class _Driver(Protocol):
    """A statement as the driver runs it on one connection (`postgres.Prepared`)."""

    def rows(self, values: Sequence[Any]) -> Sequence[Row]: ...

    def touched(self, values: Sequence[Any]) -> int: ...


class _OfSQLite:
    """With a cursor of its own, which costs as much as the statement."""

    def __init__(self, cursor: Any, sql: str) -> None:
        self._cursor = cursor
        self._sql = sql

    def rows(self, values: Sequence[Any]) -> Sequence[Row]:
        found: Sequence[Row] = self._cursor.execute(self._sql, values).fetchall()
        return found

    def touched(self, values: Sequence[Any]) -> int:
        return int(self._cursor.execute(self._sql, values).rowcount)


def _run(connection: Connection, sql: str, act: Callable[[_Driver], Any]) -> Any:
    """What the driver answers to a statement. Raises DBAPIError."""
    kept = connection.connection.info  # lives as long as the driver's connection
    driver: _Driver = kept.get(sql) or _prepared(connection, sql)
    try:
        return act(driver)
    except connection.dialect.loaded_dbapi.Error as error:
        raise _told(connection, sql, error) from error


def _prepared(connection: Connection, sql: str) -> _Driver:
    proxied = connection.connection
    of_postgresql: Any = proxied.driver_connection
    made = _OfSQLite(proxied.cursor(), sql) if connection.dialect.name == "sqlite" else of_postgresql.prepared(sql)
    proxied.info[sql] = made
    driver: _Driver = made
    return driver


def _heard(connection: Connection) -> bool:
    """Whether somebody listens, who is owed what SQLAlchemy tells."""
    return bool(connection.engine.dispatch.before_cursor_execute)


def _connection(db: Executor) -> Connection:
    """A session's has begun its transaction; one of `at_once` needs none."""
    return db.connection() if isinstance(db, Session) else db


def _told(connection: Connection, sql: str, error: Exception) -> BaseException:
    """The driver's error as SQLAlchemy tells it; a connection that is lost is thrown away."""
    dialect = connection.dialect
    lost = dialect.is_disconnect(error, connection.connection.driver_connection, None)  # type: ignore[arg-type]
    told = DBAPIError.instance(
        sql, None, error, dialect.loaded_dbapi.Error, hide_parameters=True, connection_invalidated=lost, dialect=dialect
    )
    if lost:
        connection.invalidate(error)
    return told
