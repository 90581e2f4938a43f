"""`idp accounts import`: the command around `idp.accounts.importing`: progress, report, counts."""

from __future__ import annotations

import csv
import json
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from types import FrameType
from typing import IO, Any

import click

from idp.accounts.importing import profile as profiles
from idp.accounts.importing import reading
from idp.accounts.importing.letters import LettersError, LettersFile
from idp.accounts.importing.outcome import Kind, Outcome, Totals
from idp.accounts.importing.profile import ProfileError
from idp.accounts.importing.reading import Export, Unusable
from idp.accounts.importing.run import Run, Stopped
from idp.accounts.importing.spreadsheet import guarded_row
from idp.cli.context import dry_run_option, opened, record
from idp.cli.failures import Failure, Interrupted
from idp.cli.output import Output, output_option, rows, say
from idp.database import transaction
from idp.deps import Deps
from idp.passwords.hashing import Hasher

COLUMNS = ("line", "outcome", "identifier", "reason")
_SHOWN_IN_A_TABLE = 40
_FILE = click.Path(dir_okay=False, path_type=Path)


class Told:
    """What happened to the lines: everything to the report file, what needs attention kept for the output.

    Kept on the disk past a few hundred lines: a million warnings must not need memory.
    """

    def __init__(self, report: IO[str] | None) -> None:
        self._kept = tempfile.SpooledTemporaryFile(max_size=1 << 20, mode="w+", encoding="utf-8")  # noqa: SIM115
        self._report = None if report is None else csv.writer(report, delimiter=";", lineterminator="\r\n")
        if self._report is not None:
            self._report.writerow(COLUMNS)

    def __call__(self, outcome: Outcome) -> None:
        if self._report is not None:
            self._report.writerow(guarded_row((str(outcome.line), outcome.outcome, outcome.identifier, outcome.reason)))
        if outcome.outcome in (Kind.REFUSED, Kind.DUPLICATE, Kind.WARNING):
            self._kept.write(json.dumps(asdict(outcome), ensure_ascii=False) + "\n")

    def __iter__(self) -> Iterator[dict[str, Any]]:
        self._kept.seek(0)
        for line in self._kept:
            yield json.loads(line)

    def close(self) -> None:
        self._kept.close()


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--profile", "profile_name", default="default", show_default=True, help="What columns and values mean.")
@click.option("--letters", type=_FILE, help="Where passwords made here are written, once: for printing the letters.")
@click.option("--report", type=_FILE, help="CSV file of what happened to each line.")
@dry_run_option
@output_option
def import_(
    file: Path, profile_name: str, letters: Path | None, report: Path | None, dry_run: bool, output: Output
) -> None:
    """Import the letters of an agency's export FILE (CSV or JSON Lines), as often as wanted.

    New identifiers make letters; known ones have person and contracts updated, never their password. Lines that cannot
    be imported are reported and cost nothing else. An interrupted import is simply started again.

    Example: idp accounts import export.csv --letters lettres.csv --report rapport.csv
    """
    _distinct(file, letters, report)
    export = _examined(file, profile_name)
    with opened() as light, _report_file(report) as report_file:
        deps = replace(light, hasher=_hasher(light))
        told = Told(report_file)
        try:
            totals = _import(deps, export, told, letters=letters, dry_run=dry_run)
            _print(totals, told, output, dry_run=dry_run)
        finally:
            told.close()
    _conclude(totals, letters, dry_run=dry_run)


def _import(deps: Deps, export: Export, told: Told, *, letters: Path | None, dry_run: bool) -> Totals:
    with (
        _letters_file(None if dry_run else letters, deps) as letters_file,
        _stopping() as stop,
        _progress(export) as progress,
    ):
        run = Run(deps, tell=told, progress=progress, letters_file=letters_file, dry_run=dry_run, stop=stop)
        _audit(deps, run, "import-started", profile=export.profile.name)
        try:
            run.take(export)
        except Stopped:
            _audit(deps, run, "import-stopped", **run.totals.as_dict())
            raise Interrupted(f"interrupted; done and kept: {_counted(run.totals)}; start again to go on") from None
        except LettersError as error:
            raise Failure(str(error)) from None
        _audit(deps, run, "import-ended", **run.totals.as_dict())
    return run.totals


@contextmanager
def _letters_file(letters: Path | None, deps: Deps) -> Iterator[LettersFile | None]:
    if letters is None:
        yield None
        return
    try:
        file = LettersFile(letters, deps)
    except LettersError as error:
        raise Failure(str(error)) from None
    try:
        yield file
    finally:
        file.close()


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set, so that a run ends between two transactions; a second one ends it at once."""
    stop = threading.Event()

    def ask(_signal: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _distinct(file: Path, *others: Path | None) -> None:
    """Raises UsageError when a file to write is the file to read, or two are one: writing would destroy it."""
    known = {file.resolve()}
    for other in others:
        if other is None:
            continue
        if other.resolve() in known:
            raise click.UsageError(f"{other} is named twice: the import reads one file and writes others")
        known.add(other.resolve())


def _examined(file: Path, profile_name: str) -> Export:
    try:
        export = reading.examine(file, profiles.load(profile_name))
    except ProfileError as error:
        raise click.UsageError(str(error)) from None
    except Unusable as error:
        raise Failure(f"{file} : {error}") from None
    form = "JSON Lines" if export.delimiter is None else f"CSV, « {export.delimiter} »".replace("\t", "tab")
    say(f"{file}: {form}, {export.encoding}")
    return export


def _hasher(deps: Deps) -> Hasher:
    """A hasher for a command that has the machine to itself: as many passwords at once as there are cores."""
    cores = len(os.sched_getaffinity(0))
    return Hasher(deps.digests, cost=deps.settings.bcrypt_cost, concurrency=cores, queue_limit=max(cores, 32))


def _audit(deps: Deps, run: Run, name: str, **details: Any) -> None:
    if run.dry_run:
        return
    with transaction() as db:
        record(db, deps, name, run=run.id, **details)


@contextmanager
def _report_file(report: Path | None) -> Iterator[IO[str] | None]:
    if report is None:
        yield None
        return
    with report.open("w", encoding="utf-8-sig", newline="") as file:
        yield file


@contextmanager
def _progress(export: Export) -> Iterator[Callable[[int], None]]:
    """A bar with the time left on stderr, where somebody can see it."""
    if not sys.stderr.isatty():
        yield lambda _done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("import", total=export.size)
        yield lambda done: bar.update(task, completed=done)


def _print(totals: Totals, told: Told, output: Output, *, dry_run: bool) -> None:
    if output is Output.JSON:
        _print_json(totals, told, dry_run=dry_run)
    elif output is Output.TABLE:
        shown = [line for line, _ in zip(told, range(_SHOWN_IN_A_TABLE), strict=False)]
        if shown:
            rows(shown, COLUMNS, output)
        kept = sum(totals.counts[kind] for kind in (Kind.REFUSED, Kind.DUPLICATE, Kind.WARNING))
        if kept > len(shown):
            say(f"… and {kept - len(shown)} more: --report FILE writes them all")
    else:
        rows(told, COLUMNS, output)


def _print_json(totals: Totals, told: Told, *, dry_run: bool) -> None:
    """One object, its lines written one by one."""
    head = json.dumps({"dry_run": dry_run, **totals.as_dict()}, indent=2)[:-2]
    click.echo(f'{head},\n  "lines": [', nl=False)
    separator = "\n    "
    for line in told:
        click.echo(separator + json.dumps(line, ensure_ascii=False), nl=False)
        separator = ",\n    "
    click.echo("]\n}" if separator == "\n    " else "\n  ]\n}")


def _conclude(totals: Totals, letters: Path | None, *, dry_run: bool) -> None:
    """The counts as a sentence. Raises Failure when nothing at all was imported."""
    say(("dry run, nothing was changed: " if dry_run else "") + _counted(totals))
    if totals.letters and letters is not None and not dry_run:
        say(f"{totals.letters} letters were added to {letters}: it holds passwords, delete it once they are printed")
    if totals.letters_waiting:
        say(f"{totals.letters_waiting} generated passwords wait: import again with --letters FILE")
    if totals.lines == totals.counts[Kind.REFUSED]:
        raise Failure("no line could be imported" if totals.lines else "the file has no line besides its titles")


def _counted(totals: Totals) -> str:
    names = ("created", "updated", "unchanged", "refused", "duplicates", "warnings", "letters")
    return ", ".join(f"{totals.as_dict()[name]} {name}" for name in names)
