"""`idp audit`: finding events of the audit trail."""

from __future__ import annotations

import click

from idp.accounts import addresses
from idp.accounts import store as accounts
from idp.audit import store
from idp.cli.context import opened
from idp.cli.output import Output, output_option, rows, say
from idp.database import reading

_COLUMNS = ("at", "name", "subject", "agency_id", "cause", "request", "details")


@click.group()
def command() -> None:
    """Find what was done, by whom, and why."""


@command.command()
@click.argument("what")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many, newest first.")
@output_option
def search(what: str, limit: int, output: Output) -> None:
    """The events of WHAT: a reference from an error page, a sub, a letter's id, or an e-mail address.

    An address finds the events of the account that has it, and those where it was typed, whoever has it.

    Example: idp audit search 4f1c20d97a3e
    """
    with opened() as deps, reading() as db:
        typed = addresses.key(what) if "@" in what else None
        account = accounts.account_by_email(db, typed) if typed is not None else None
        ids = [account.id] if account is not None else [] if typed is not None else [what]
        found = store.search(db, deps, ids=ids, address=typed, limit=limit)
        rows([{name: getattr(event, name) for name in _COLUMNS} for event in found], _COLUMNS, output)
    if not found:
        say("nothing in the audit trail; the log has a line for every request that failed, with the same reference")
    elif len(found) == limit:
        say(f"only the newest {limit} are shown: --limit shows more")
