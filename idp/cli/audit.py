"""`idp audit`: finding events of the audit trail, showing that none was touched, handing them on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from idp.accounts import addresses
from idp.accounts import store as accounts
from idp.audit import store
from idp.audit.chain import steps as chain
from idp.audit.chain.hashes import Place
from idp.audit.tables import AuditEvent, AuditLink
from idp.cli.context import changing, dry_run_option, opened
from idp.cli.context import record as command_record
from idp.cli.failures import Conflict, Failure
from idp.cli.ids import TakesId
from idp.cli.output import Output, line, output_option, record, rows, say
from idp.database import reading, snapshot

_COLUMNS = ("at", "name", "subject", "agency_id", "cause", "request", "details")


@click.group()
def command() -> None:
    """Find what was done, by whom, and why; show that nothing was changed since."""


@command.command(cls=TakesId)
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


def _expected(_ctx: click.Context, _param: click.Parameter, typed: str | None) -> Place | None:
    if typed is None:
        return None
    position, _, link = typed.partition(":")
    if not position.isdecimal() or len(link) != 64:
        raise click.BadParameter("POSITION:LINK is expected, as `head` of an earlier run or in the log")
    return Place(int(position), link, None)


@command.command()
@click.option(
    "--expect", metavar="HEAD", callback=_expected, help="A head that was noted before: it must still be there."
)
@output_option
def verify(expect: Place | None, output: Output) -> None:
    """Walk the whole chain and say the first event that was changed, removed, put in or moved; exit code 1 then.

    `late` counts events that were chained more than an hour after their deed: the service was down meanwhile, or somebody
    made the chain anew. The log has the head of every minute, for --expect, where the database cannot reach it.
    `unproven`: those of before another `secret_key` (`idp audit close`).
    """
    with opened() as deps:
        chain.seal(deps, everything=True)
        found = chain.verify(deps, expected=expect)
    head = f"{found.head.position}:{found.head.link}"
    told = {"events": found.events, "late": found.late, "unproven": found.unproven}
    record({**told, "head": head, "broken": found.broken}, output)
    if found.broken is not None:
        event = f" (event {found.event_id})" if found.event_id is not None else ""
        raise Failure(f"the chain is broken after place {found.head.position}{event}: {found.broken}")


@command.command()
@click.option(
    "--yes", is_flag=True, help="Do it: what was written under another secret is proven no more by this chain."
)
@click.option(
    "--expect", metavar="HEAD", callback=_expected, help="A head that was noted before: it must still be there."
)
@dry_run_option
@output_option
def close(yes: bool, expect: Place | None, dry_run: bool, output: Output) -> None:
    """After `secret_key` was replaced: let the chain begin anew after the last event of the old one.

    Needs the rights of `idp purge`. What stands before stays until it was kept long enough, proven by the export and the
    heads of before. Nothing is done where the present secret made everything.

    Example: idp audit close --expect 81234:9f3c… --yes
    """
    if not (yes or dry_run):
        raise Conflict(
            "nothing was changed: events of before will be proven by the export alone; --yes if that is meant"
        )
    with opened() as deps:
        chain.seal(deps, everything=True)
        with changing(dry_run=dry_run) as db:
            try:
                last = chain.close(db, deps, expected=expect)
            except chain.Unclosable as error:
                raise Failure(f"the chain was not only made under another secret, {error}") from None
            if last is None:
                raise Conflict("the present secret made the whole chain: there is nothing to close")
            command_record(db, deps, "audit-closed", place=last.position, link=last.link)
        record({"closed": f"{last.position}:{last.link}"}, output)


_INSTANT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])


@command.command()
@click.option(
    "--from", "since", type=_INSTANT, required=True, help="First instant, UTC: 2026-01-31 or 2026-01-31T12:00:00."
)
@click.option("--to", "until", type=_INSTANT, help="End of the period, excluded; now, when it is left out.")
def export(since: datetime, until: datetime | None) -> None:
    """Print the events of a period as JSON Lines, oldest first, for a log store.

    The fields are always the same, in the same order. `place` and `link` are null until the event is chained, within a
    minute; give the period before to have them all.

    Example: idp audit export --from 2026-01-30 --to 2026-01-31 >> audit.jsonl
    """
    count = 0
    with opened() as deps, snapshot() as db:
        end = deps.now() if until is None else until.replace(tzinfo=UTC)
        for event, link in store.export(db, since=since.replace(tzinfo=UTC), until=end):
            line(_exported(event, link))
            count += 1
    say(f"{count} events")


def _exported(event: AuditEvent, link: AuditLink | None) -> dict[str, Any]:
    return {
        "id": event.id,
        "at": event.at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "name": event.name,
        "subject": event.subject,
        "agency_id": event.agency_id,
        "cause": event.cause,
        "request": event.request,
        "network": event.network_digest,
        "address": event.address_digest,
        "details": dict(sorted(event.details.items())),
        "mac": event.mac,
        "place": None if link is None else link.position,
        "link": None if link is None else link.link,
    }
