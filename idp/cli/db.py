"""`idp db`: the database's schema."""

from __future__ import annotations

import click

from idp import migrations
from idp.cli.context import database, dry_run_option, light_deps
from idp.cli.failures import Conflict, Failure
from idp.cli.output import Output, output_option, say
from idp.cli.output import record as print_record
from idp.migrations import Status
from idp.oidc.keys import steps as keys
from idp.settings import load


@click.group()
def command() -> None:
    """The database's schema."""


@command.command()
@dry_run_option
def upgrade(dry_run: bool) -> None:
    """Bring the database to this program's version, and make the first keys.

    Safe to run at every start, on several hosts at once.
    """
    settings = load()
    with database(settings) as app:
        if dry_run:
            found = migrations.status(app)
            say(f"the schema is {_words(found)}; dry run: nothing was changed")
            return
        before = migrations.upgrade(app)
        keys.ensure(light_deps(settings))
    if before.up_to_date:
        say(f"the schema is {before.head} already")
    else:
        say(f"the schema is {before.head}, it was {before.current or 'absent'}")


@command.command()
@output_option
def status(output: Output) -> None:
    """The version of the database, and the one that this program needs."""
    with database(load()) as app:
        found = migrations.status(app)
    print_record({"current": found.current, "head": found.head, "up_to_date": found.up_to_date}, output)


@command.command()
def check() -> None:
    """Exit code 0 when the database is at this program's version; 4 when `idp db upgrade` has something to do."""
    with database(load()) as app:
        found = migrations.status(app)
    if found.current is not None and found.current > found.head:
        raise Failure(f"the schema is {_words(found)}: run a newer program")
    if not found.up_to_date:
        raise Conflict(f"the schema is {_words(found)}: run `idp db upgrade`")
    say(f"the schema is {_words(found)}")


def _words(found: Status) -> str:
    return f"{found.current or 'absent'}, this program needs {found.head}"
