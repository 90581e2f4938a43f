"""Looking at portals: list, show. Apart from what changes them, whose rules and keys take longer to load than these to run."""

from __future__ import annotations

from collections.abc import Sequence

import click
from sqlalchemy.orm import Session

from idp.cli import values
from idp.cli.clients import shown
from idp.cli.clients.shown import Owners
from idp.cli.context import opened
from idp.cli.failures import Failure, NotFound
from idp.cli.output import Output, output_option, rows, say
from idp.cli.output import record as print_record
from idp.database import reading
from idp.deps import Deps
from idp.oidc.registration import store
from idp.oidc.registration.metadata import Client


@click.command("list")
@click.option("--agency", metavar="CLIENT/SOCIETE", help="Only those of this agency.")
@output_option
def list_(agency: str | None, output: Output) -> None:
    """All portals, in the order of their ids."""
    with opened(only_lists=True), reading() as db:
        owners = Owners(db)
        wanted = None if agency is None else values.agency(db, agency).id
        readable, damaged = store.everything(db)
        found = [one for one in readable if wanted is None or one.agency_id == wanted]
        tell_damaged(damaged)
        rows([shown.row(one, owners) for one in found], shown.COLUMNS, output)


@click.command()
@click.argument("client_id")
@output_option
def show(client_id: str, output: Output) -> None:
    """One portal with all that is registered; its secrets are only counted."""
    with opened(only_lists=True) as deps, reading() as db:
        print_client(existing(db, deps, client_id), Owners(db), output)


def existing(db: Session, deps: Deps, client_id: str) -> Client:
    """The portal of this id. Raises NotFound, and Failure for one whose row is damaged."""
    client = store.find(db, client_id, now=deps.now())
    if client is None:
        if store.remains(db, client_id, now=deps.now()) is not None:
            raise Failure(unreadable(client_id))
        raise NotFound(f"there is no client {client_id}: `idp clients list` shows them")
    return client


def unreadable(client_id: str) -> str:
    return (
        f"client {client_id} cannot be read, so every request of it is refused: `idp clients apply -f FILE` with its file "
        "puts it right, its secrets kept, and `idp clients delete` forgets it"
    )


def tell_damaged(client_ids: Sequence[str]) -> None:
    """What a list of portals leaves out."""
    for client_id in client_ids:
        say(unreadable(client_id))


def print_client(client: Client, owners: Owners, output: Output) -> None:
    """One portal, whole; on a terminal only what is registered."""
    print_record(shown.registered(client, owners) if output is Output.TABLE else shown.whole(client, owners), output)
