"""What commands print: the same rows as a table, JSON, JSON lines or CSV. Data on stdout, everything else on stderr.

A table on a terminal, JSON otherwise, unless `--output` says so. Keys are stable; instants are ISO 8601 in UTC.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

import click

from idp.accounts.importing.spreadsheet import guarded_row

Row = Mapping[str, Any]
Command = TypeVar("Command", bound=Callable[..., Any])


class Output(StrEnum):
    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"


def output_option(command: Command) -> Command:
    """Adds `--output` to a command that lists or shows."""
    option = click.option(
        "--output",
        "-o",
        type=click.Choice([kind.value for kind in Output]),
        callback=_chosen,
        help="How to print; a table on a terminal, json otherwise.",
    )
    return option(command)


def _chosen(_ctx: click.Context, _param: click.Parameter, value: str | None) -> Output:
    if value is not None:
        return Output(value)
    return Output.TABLE if sys.stdout.isatty() else Output.JSON


def say(text: str) -> None:
    """A message for the person at the terminal, on stderr. Where it cannot be written it is lost, and the work goes on."""
    with suppress(OSError):
        click.echo(text, err=True)


def rows(found: Iterable[Row], columns: Sequence[str], output: Output) -> None:
    """Print a listing. columns: the keys to print, in this order; every row has them all."""
    if output is Output.TABLE:
        _print_table(columns, [[row[name] for name in columns] for row in found])
    elif output is Output.JSON:
        click.echo(_json([{name: row[name] for name in columns} for row in found], indent=2))
    elif output is Output.JSONL:
        for row in found:
            click.echo(_json({name: row[name] for name in columns}))
    else:
        _print_csv(columns, ([row[name] for name in columns] for row in found))


def record(found: Row, output: Output) -> None:
    """Print one thing with all its keys."""
    if output is Output.TABLE:
        _print_table(("", ""), [[name, value] for name, value in found.items()], header=False)
    elif output is Output.JSON:
        click.echo(_json(found, indent=2))
    else:
        rows([found], list(found), output)


def line(found: Row) -> None:
    """Print one thing as a JSON line, keys in their order."""
    click.echo(_json(found))


def assignments(found: Row) -> None:
    """Print `name=value` lines, ready to be pasted into a settings file."""
    for name, value in found.items():
        click.echo(f"{name}={_cell(value, ' ')}")


def _json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return str(value)


def _cell(value: Any, separator: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return str(_plain(value))
    if isinstance(value, list | tuple):
        return separator.join(_cell(part, separator) for part in value)
    if isinstance(value, Mapping):
        return " ".join(_cell(part, " ") for part in value.values() if part)
    return str(value)


def _print_csv(columns: Sequence[str], cells: Iterable[Sequence[Any]]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    for row in cells:
        writer.writerow(guarded_row(_cell(value, " ") for value in row))


def _print_table(columns: Sequence[str], cells: Sequence[Sequence[Any]], *, header: bool = True) -> None:
    from rich import box  # rich takes as long to import as the rest of the command line
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, box=box.SIMPLE_HEAD, show_header=header, pad_edge=False)
    for row in cells:
        # Text and not str: an agency's name may hold what rich takes for markup, or what a terminal takes for orders.
        table.add_row(*(Text(printable(_cell(value, "\n"))) for value in row))
    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False)
    console.print(table)


def printable(text: str) -> str:
    """The text without control characters other than line breaks."""
    return "".join(character if character.isprintable() or character == "\n" else "�" for character in text)
