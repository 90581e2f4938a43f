"""`idp clients apply` and `export`: portals declared in files, applied as a whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from idp.cli import values
from idp.cli.clients import files, plan, shown
from idp.cli.clients.files import Declared, Problem
from idp.cli.clients.listing import tell_damaged
from idp.cli.clients.plan import Step
from idp.cli.clients.shown import Owners
from idp.cli.context import changing, dry_run_option, opened, record
from idp.cli.failures import ExitCode, Failure
from idp.cli.output import Output, assignments, output_option, rows, say
from idp.database import reading
from idp.deps import Deps
from idp.oidc.registration import secrets, store
from idp.oidc.registration.metadata import Client

_files = click.option(
    "--file",
    "-f",
    "paths",
    multiple=True,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A TOML file with [[clients]]. Repeat for several.",
)


@click.command()
@_files
@output_option
@click.pass_context
def diff(ctx: click.Context, paths: tuple[Path, ...], output: Output) -> None:
    """Show what `apply` of these files would change. Exit code 4 when it would change anything.

    Example: idp clients diff -f clients/registrations/adb.toml
    """
    declared, problems = _read(paths)
    with opened() as deps, reading() as db:
        steps, wrong = plan.make(db, deps, declared)
        _refuse(problems + wrong)
        _print(steps, {}, deps, output)
    if any(step.action != plan.SAME for step in steps):
        ctx.exit(ExitCode.CONFLICT)


@click.command()
@_files
@dry_run_option
@output_option
@click.pass_context
def apply(ctx: click.Context, paths: tuple[Path, ...], dry_run: bool, output: Output) -> None:
    """Make the registered portals what files say, in one transaction. A second time changes nothing.

    Portals that no file names are left alone; one whose row is damaged is written anew, and its secrets are kept.
    With --dry-run the exit code is 4 when something would change.

    Example: idp clients apply -f clients/registrations/adb.toml --dry-run
    """
    declared, problems = _read(paths)
    with opened() as deps, changing(dry_run=dry_run) as db:
        steps, wrong = plan.make(db, deps, declared)
        _refuse(problems + wrong)
        made = _apply(db, deps, steps)
        _print(steps, {} if dry_run else made, deps, output)
    if dry_run and any(step.action != plan.SAME for step in steps):
        ctx.exit(ExitCode.CONFLICT)


@click.command()
@click.option("--agency", metavar="CLIENT/SOCIETE", help="Only the portals of this agency.")
def export(agency: str | None) -> None:
    """Write all portals in the format of `apply` on stdout. Secrets are not in it."""
    with opened(), reading() as db:
        wanted = None if agency is None else values.agency(db, agency).id
        readable, damaged = store.everything(db)
        clients = [one for one in readable if wanted is None or one.agency_id == wanted]
        tell_damaged(damaged)
        click.echo(files.written(clients, Owners(db)))


def _read(paths: tuple[Path, ...]) -> tuple[list[Declared], list[Problem]]:
    declared, problems = [], []
    for path in paths:
        found, wrong = files.read(path)
        declared += found
        problems += wrong
    return declared, problems


def _refuse(problems: list[Problem]) -> None:
    """Raises Failure, with every problem on a line of its own before."""
    for problem in sorted(problems, key=lambda problem: (str(problem.path), problem.line)):
        say(str(problem))
    if problems:
        raise Failure(f"{len(problems)} problem{'s' if len(problems) > 1 else ''}: nothing was changed")


def _apply(db: Session, deps: Deps, steps: list[Step]) -> dict[str, str]:
    """Store what differs; returns the secrets that were made, by client."""
    made: dict[str, str] = {}
    # A default portal that moves from one client to another must be given up before it is taken.
    for step in sorted(steps, key=lambda step: step.client.default_portal):
        if step.action == plan.CREATE:
            store.create(db, step.client, now=deps.now())
            if step.secret is None and step.client.has_secret:
                made[step.client.id] = secrets.made(db, deps, step.client)
        elif step.before is not None and (step.changes or step.action == plan.REPAIR):
            store.change(db, deps, step.client)
            made |= _renewed(db, deps, step.before, step)
        if step.new_secret and step.secret is not None:
            secrets.replaced(db, deps, step.client.id, overlap_hours=secrets.OVERLAP_HOURS)
            secrets.put(db, deps, step.client, step.secret)
        if step.action != plan.SAME:
            name = "client-created" if step.action == plan.CREATE else "client-changed"
            fields = [field for field, _, _ in step.changes]
            client = step.client
            record(db, deps, name, agency_id=client.agency_id, client=client.id, fields=fields, file=True)
    return made


def _renewed(db: Session, deps: Deps, before: Client, step: Step) -> dict[str, str]:
    """The secret that a change of method needs, unless the portal brings its own."""
    secret = None if step.new_secret else secrets.renewed(db, deps, before, step.client)
    return {} if secret is None else {step.client.id: secret}


def _print(steps: list[Step], made: dict[str, str], deps: Deps, output: Output) -> None:
    if output is not Output.TABLE:
        found = [{**_plain(step), "client_secret": made.get(step.client.id)} for step in steps]
        rows(found, ("client_id", "action", "changes", "new_secret", "client_secret"), output)
        return
    for step in steps:
        click.echo(
            f"{ {plan.CREATE: '+', plan.CHANGE: '~', plan.SAME: '=', plan.REPAIR: '!'}[step.action] } {step.client.id}"
        )
        for name, before, after in step.changes:
            click.echo(f"    - {name} = {_toml(before)}\n    + {name} = {_toml(after)}")
        if step.new_secret:
            click.echo(f"    + a secret of your own; earlier ones end in {secrets.OVERLAP_HOURS} hours")
        if step.client.id in made:
            assignments(shown.portal_settings(step.client, deps, made[step.client.id]))
    if made:
        say("the secrets made here cannot be shown again")


def _plain(step: Step) -> dict[str, Any]:
    return {
        "client_id": step.client.id,
        "action": step.action,
        "changes": {name: {"from": before, "to": after} for name, before, after in step.changes},
        "new_secret": step.new_secret,
    }


def _toml(value: Any) -> str:
    return "(none)" if value is None else files.toml(value)
