"""`idp doctor`: is everything ready? One line a check; exit code 1 when one of them is red."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from idp import migrations
from idp.cli import checks
from idp.cli.checks import Finding, Level
from idp.cli.context import database, light_deps
from idp.cli.failures import ExitCode, explained
from idp.cli.output import Output, output_option, printable, rows
from idp.database import reading, snapshot
from idp.restoration.epochs.steps import require_settled
from idp.settings import Settings, SettingsError, load

_MARKS = {Level.READY: ("✓", "green"), Level.CARE: ("!", "yellow"), Level.BROKEN: ("✗", "red")}


@click.command()
@click.option(
    "--db", "consistency", is_flag=True, help="Also whether all that is stored fits together: reads every table."
)
@output_option
@click.pass_context
def command(ctx: click.Context, consistency: bool, output: Output) -> None:
    """Look at settings, database, keys, terms, mail, clock and files, and say what to do about each.

    Exit code 0 when nothing is red.
    """
    findings: list[Finding] = []
    for finding in _all(consistency=consistency):
        findings.append(finding)
        if output is Output.TABLE:
            print_finding(finding)
    if output is not Output.TABLE:
        plain = [{"check": one.check, "level": one.level.value, "detail": one.detail} for one in findings]
        rows(plain, ("check", "level", "detail"), output)
    if any(finding.level is Level.BROKEN for finding in findings):
        ctx.exit(ExitCode.FAILURE)


def _all(*, consistency: bool) -> Iterator[Finding]:
    try:
        settings = load()
    except SettingsError as error:
        yield Finding("settings", Level.BROKEN, str(error).replace("\n", "; "))
        return
    yield Finding("settings", Level.READY, f"environment {settings.environment}")
    yield checks.issuer(settings)
    yield checks.secret(settings)
    yield from checks.secret_files()
    yield checks.other_clients(settings)
    yield checks.certificates(settings)
    yield checks.password_policy(settings)
    yield checks.hashing(settings, light_deps(settings))
    yield from _stored(settings, consistency=consistency)
    yield checks.mail_server(settings)
    yield checks.shared_memory(settings)


def _stored(settings: Settings, *, consistency: bool) -> Iterator[Finding]:
    try:
        with database(settings) as app:
            yield _engine(settings)
            migrations.require_current(app)
            yield checks.schema(migrations.status(app))
            require_settled()
            with reading() as db:
                for check in checks.STORED:
                    yield check(db, light_deps(settings))
            if consistency:
                with snapshot() as db:
                    yield from checks.fits_together(db)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with the database is a finding, not an end
        yield Finding("database", Level.BROKEN, explained(error).message)


def _engine(settings: Settings) -> Finding:
    if settings.database_url.get_secret_value().startswith("sqlite") and settings.production:
        return Finding("database", Level.CARE, "SQLite serves one host; PostgreSQL is the database of a service")
    return Finding("database", Level.READY, settings.database_url.get_secret_value().partition(":")[0])


def print_finding(finding: Finding) -> None:
    """One line, marked and coloured by how it stands."""
    from rich.console import Console
    from rich.text import Text

    mark, color = _MARKS[finding.level]
    line = Text.assemble((f"{mark} {finding.check:<17}", color), printable(finding.detail))
    Console(width=None if sys.stdout.isatty() else 200, highlight=False).print(line)
