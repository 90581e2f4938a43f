"""`idp db`: the database's schema, its backups, and what is to be done after a restore."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import click

from idp import migrations
from idp.cli.context import changing, database, dry_run_option, light_deps, opened, record
from idp.cli.failures import Conflict, Failure
from idp.cli.output import Output, output_option, rows, say
from idp.cli.output import record as print_record
from idp.database import transaction
from idp.migrations import Status
from idp.oidc.keys import steps as keys
from idp.restoration import backup as backups
from idp.restoration import steps as restoration
from idp.restoration.epochs import steps as epochs
from idp.settings import load


@click.group()
def command() -> None:
    """The database: its schema, its backups, and what to do after one was put back."""


@command.command()
@click.option("--contract", is_flag=True, help="Also take away what older programs need: none of them runs any more.")
@dry_run_option
def upgrade(contract: bool, dry_run: bool) -> None:
    """Bring the database to this program's version, and make the first keys, while the version before serves.

    Safe to run at every start, on several hosts at once, and again after it was killed.
    """
    settings = load()
    with database(settings) as app:
        if dry_run:
            found = migrations.status(app)
            say(f"the schema is {_words(found)}; dry run: nothing was changed")
            return
        before = migrations.upgrade(app, contract=contract)
        after = migrations.status(app)
        deps = light_deps(settings)
        keys.ensure(deps)
        epochs.begin(deps)
    if before.current == after.current:
        say(f"the schema is {after.current} already")
    else:
        say(f"the schema is {after.current}, it was {before.current or 'absent'}")
    if not after.up_to_date:
        say("the rest takes away what older programs need: `idp db upgrade --contract` when none of them runs any more")


@command.command()
@output_option
def status(output: Output) -> None:
    """The version of the database, the newest that this program knows, and whether it may serve."""
    with database(load()) as app:
        found = migrations.status(app)
    print_record(
        {"current": found.current, "head": found.head, "up_to_date": found.up_to_date, "fits": found.fits}, output
    )


@command.command()
def check() -> None:
    """Exit code 0 when the database is at this program's version; 4 when `idp db upgrade` has something to do."""
    with database(load()) as app:
        found = migrations.status(app)
    if found.current is not None and found.current > found.head:
        if found.fits:
            say(f"the schema is {_words(found)}; this program may serve on it")
            return
        raise Failure(f"the schema is {_words(found)}: run a newer program")
    if found.waiting:
        say(f"the schema is {_words(found)}: `idp db upgrade --contract` once no older program runs")
    elif not found.up_to_date:
        raise Conflict(f"the schema is {_words(found)}: run `idp db upgrade`")
    else:
        say(f"the schema is {_words(found)}")


@command.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Write the whole database, as it is at one instant, to FILE (mode 0600), while everybody goes on.

    PostgreSQL: pg_dump's own format, for pg_restore; its programs must be installed. SQLite: a database file.
    The secret key is not in it, and belongs somewhere else.
    """
    settings = load()
    if file.exists():
        raise Conflict(f"{file} exists: a backup is never written over another one")
    at = datetime.now(UTC)  # noqa: TID251 - the operator's clock, before the first row is read
    backups.write(settings.database_url.get_secret_value(), file)
    say(f"the backup is of {at:%Y-%m-%dT%H:%M:%S} UTC, {file.stat().st_size} bytes")


@command.command()
@click.option(
    "--events",
    type=click.File("r", encoding="utf-8"),
    help="What `idp audit export` told of the time since the backup.",
)
@click.option(
    "--backup-of",
    metavar="INSTANT",
    type=click.DateTime(["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"]),
    help="When the backup was made, UTC; with --events.",
)
@output_option
def restored(events: IO[str] | None, backup_of: datetime | None, output: Output) -> None:
    """After a backup was put back, before anything serves: begin a new epoch.

    The backup does not know what was used, ended or withdrawn since. So every sign-in, code, token, mailed link, flow
    under way, consent and registration token is void; people sign in again. Safe to run again after it was killed.

    --events closes what else was closed since: accounts that were erased or disabled, passwords that were changed. What
    operators did otherwise is printed, to be done again by hand.
    """
    if (events is None) != (backup_of is None):
        raise click.UsageError("--events and --backup-of go together")
    with opened(any_epoch=True) as deps:
        epoch = restoration.restore(deps)
        counts = dict(restoration.void(deps))
        lost = []
        if events is not None and backup_of is not None:
            lost = list(restoration.repeat(deps, _lines(events), since=backup_of.replace(tzinfo=UTC)))
        with transaction() as db:
            record(db, deps, "database-restored", epoch=epoch, repeated=sum(one.repeated for one in lost))
        restoration.settle(deps, epoch)
    for name, count in counts.items():
        say(f"{name}: {count} void")
    if events is None:
        say("passwords changed and accounts closed since the backup are as they were: --events closes them again")
    rows([vars(one) for one in lost], ("at", "name", "subject", "details", "repeated"), output)
    say(f"epoch {epoch} has begun")


def _lines(events: IO[str]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(events, 1):
        try:
            event = json.loads(line)
            yield {**{name: event[name] for name in ("name", "subject", "details")}, "at": _instant(event["at"])}
        except (ValueError, TypeError, KeyError):
            raise Failure(f"{events.name}, line {number}: this is not a line of `idp audit export`") from None


def _instant(text: str) -> str:
    return datetime.fromisoformat(text).isoformat()


@command.command()
@dry_run_option
def moved(dry_run: bool) -> None:
    """The whole database stands in another place now, and nothing was lost on the way: a planned move, pg_upgrade.

    Nothing is void. Only when nothing has been served from the old place since the copy was made.
    """
    with opened(any_epoch=True) as deps, changing(dry_run=dry_run) as db:
        epochs.move(db)
        record(db, deps, "database-moved")
        say("this is the database now")


def _words(found: Status) -> str:
    return f"{found.current or 'absent'}, this program's is {found.head}"
