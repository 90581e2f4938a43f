"""`idp purge`: deletes what has expired."""

from __future__ import annotations

import click

from idp import purge
from idp.cli.context import dry_run_option, opened
from idp.cli.output import Output, output_option, rows, say


@click.command()
@dry_run_option
@output_option
def command(dry_run: bool, output: Output) -> None:
    """Delete expired flows, links, sessions, requests, tokens and counters, mails of more than 30 days, and audit
    events that were kept long enough.

    To be run every hour by a timer; several at once do no harm.
    """
    with opened() as deps:
        counted = list(purge.expired(deps) if dry_run else purge.run(deps))
    rows([{"what": name, "rows": count} for name, count in counted], ("what", "rows"), output)
    total = sum(count for _, count in counted)
    say(f"dry run: {total} rows would be deleted" if dry_run else f"{total} rows deleted")
