"""What a step of the schema is made of, so that people go on signing in while it runs and a killed one is done again.

Each function looks whether its work is done already, commits by itself on PostgreSQL, and never holds a lock that
others wait for longer than a moment (`lock_timeout`, see `idp.migrations.upgrade`). SQLite, where a write stops all
others anyway, does the whole upgrade in one transaction. A step calls these, and `op` for what is new and empty.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from alembic import op

BATCH = 1000


def add_column(table: str, column: sa.Column[Any]) -> None:
    """A column that may be null or has a constant default: no row is written (PostgreSQL 11 and later)."""
    if column.name not in {found["name"] for found in sa.inspect(op.get_bind()).get_columns(table)}:
        with _by_itself():
            op.add_column(table, column)


def create_table(name: str, *columns: sa.schema.SchemaItem) -> None:
    """A new table, which nobody waits for."""
    if not sa.inspect(op.get_bind()).has_table(name):
        op.create_table(name, *columns)


def create_index(name: str, table: str, columns: list[str], *, unique: bool = False, where: str | None = None) -> None:
    """An index, made while others write. One that a killed upgrade left half-made is of no use, and goes first.

    where: of which rows, as SQL; None for all.
    """
    some = None if where is None else sa.text(where)
    if not _postgresql():
        if name not in {found["name"] for found in sa.inspect(op.get_bind()).get_indexes(table)}:
            op.create_index(name, table, columns, unique=unique, sqlite_where=some)
        return
    with _by_itself():
        valid = (
            op.get_bind()
            .execute(
                sa.text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)"), {"name": f'"{name}"'}
            )
            .scalar_one_or_none()
        )
        if valid:
            return
        if valid is False:
            op.drop_index(name, table_name=table, postgresql_concurrently=True)
        op.create_index(name, table, columns, unique=unique, postgresql_concurrently=True, postgresql_where=some)


def drop_index(name: str, table: str) -> None:
    """Only in a step that contracts, or for an index that no constraint needs."""
    if name in {found["name"] for found in sa.inspect(op.get_bind()).get_indexes(table)}:
        with _by_itself():
            op.drop_index(name, table_name=table, postgresql_concurrently=_postgresql())


def fill_pages(table: str, *, percent: int) -> None:
    """How full new pages of a table get: what an update needs no index for finds room on its page. SQLite has no such thing.

    Nobody waits for it: it holds off only a vacuum and other steps, and no row is written.
    """
    if _postgresql():
        with _by_itself():
            op.execute(sa.text(f"ALTER TABLE {table} SET (fillfactor = {percent:d})"))


def fill(table: str, key: str, values: dict[str, str], *, missing: str) -> None:
    """Give the rows that a condition finds their new values, a thousand at a time, in the order of the key.

    values: SQL expressions by column; missing: the SQL condition of rows that have them not yet, so that a second run
    goes on where the first one ended. Rows that somebody writes meanwhile must get theirs from a default or the program.
    """
    set_ = ", ".join(f"{column} = {expression}" for column, expression in values.items())
    some = f"SELECT {key} FROM {table} WHERE {key} > :after ORDER BY {key} LIMIT {BATCH}"  # noqa: S608 - of a step's file
    last = sa.text(f"SELECT max({key}) FROM ({some}) AS batch")  # noqa: S608
    update = sa.text(f"UPDATE {table} SET {set_} WHERE {key} > :after AND {key} <= :upto AND ({missing})")  # noqa: S608
    after = ""
    with _by_itself():
        while (upto := op.get_bind().execute(last, {"after": after}).scalar_one()) is not None:
            op.get_bind().execute(update, {"after": after, "upto": upto})
            after = upto


def _postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


@contextmanager
def _by_itself() -> Iterator[None]:
    """On PostgreSQL each statement is a transaction of its own; what was done before is committed first."""
    if not _postgresql():
        yield
        return
    with op.get_context().autocommit_block():
        yield
