"""`idp sessions`: people's sign-ins, and the portals that are to hear of their end."""

from __future__ import annotations

from collections.abc import Iterator

import click
from sqlalchemy.orm import Session

from idp.accounts import admin
from idp.cli import store
from idp.cli.context import changing, dry_run_option, opened, record, require_yes
from idp.cli.failures import NotFound
from idp.cli.ids import TakesId
from idp.cli.output import Output, output_option, rows, say
from idp.database import reading
from idp.grants import store as grants
from idp.oidc.logout import store as notices
from idp.rights.everybody import end_grants, end_sign_ins
from idp.sessions import store as sessions

_COLUMNS = ("sid", "authenticated_at", "last_seen_at", "expires_at")
_NOTICE = ("id", "client_id", "sid", "state", "attempts", "created_at", "told_at", "next_attempt_at", "last_answer")
_TOLD_EACH = 10_000


@click.group()
def command() -> None:
    """Who is signed in; end it; portals that were not told."""


@command.command("list", cls=TakesId)
@click.argument("who")
@output_option
def list_(who: str, output: Output) -> None:
    """The live sign-ins of a person. WHO is an e-mail address or a sub."""
    with opened() as deps, reading() as db:
        found = store.live_sessions(db, _account(db, who), now=deps.now())
    rows([{name: getattr(one, name) for name in _COLUMNS} for one in found], _COLUMNS, output)


@command.command(cls=TakesId)
@click.argument("who", required=False)
@click.option("--everybody", is_flag=True, help="Sign out everybody, after a breach; people are served meanwhile.")
@click.option("--grants", "all_grants", is_flag=True, help="With --everybody: end offline_access too.")
@click.option("--yes", is_flag=True, help="With --everybody: do not ask.")
@dry_run_option
def end(who: str | None, everybody: bool, all_grants: bool, yes: bool, dry_run: bool) -> None:
    """Sign a person out everywhere: sign-ins, refresh tokens, and portals that registered to be told.

    WHO is an e-mail address or a sub. Access asked to outlive a sign-in (offline_access) ends too. Of everybody it
    goes on, as after any sign-out, without --grants.

    Example: idp sessions end lea@exemple.fr
    """
    if everybody == (who is not None):
        raise click.UsageError("WHO or --everybody")
    if who is None:
        _end_everybody(all_grants=all_grants, yes=yes, dry_run=dry_run)
    elif all_grants or yes:
        raise click.UsageError("--grants and --yes go with --everybody")
    else:
        _end_one(who, dry_run=dry_run)


def _end_one(who: str, *, dry_run: bool) -> None:
    with opened() as deps, changing(dry_run=dry_run) as db:
        account_id, now = _account(db, who), deps.now()
        count = len(store.live_sessions(db, account_id, now=now))
        grants.revoke_of_account(db, account_id, now=now)
        sessions.end_all(db, account_id, now=now)
        record(db, deps, "sessions-ended", account=account_id)
        say(f"{count} sign-ins ended")


def _end_everybody(*, all_grants: bool, yes: bool, dry_run: bool) -> None:
    question = "Sign everybody out, and void all access?" if all_grants else "Sign everybody out?"
    require_yes(question, "signing everybody out", yes=yes, dry_run=dry_run)
    with opened() as deps:
        since = deps.now()
        if dry_run:
            with reading() as db:
                say(f"dry run: {store.count_sign_ins(db)} sign-ins would end; nothing was changed")
            return
        # Told before the first of them and after the last: killed in between, the trail still says who began.
        with changing(dry_run=False) as db:
            record(db, deps, "everybody-ending", grants=all_grants)
        count = _told("sign-ins", end_sign_ins(deps, since=since))
        revoked = _told("grants", end_grants(deps, since=since)) if all_grants else 0
        with changing(dry_run=False) as db:
            record(db, deps, "everybody-ended", sign_ins=count, grants_revoked=revoked)
        say(f"{count} sign-ins ended" + (f", {revoked} further grants revoked" if all_grants else ""))


def _told(what: str, batches: Iterator[int]) -> int:
    """How many in all; every ten thousand are told on the way."""
    total = 0
    for count in batches:
        if (total + count) // _TOLD_EACH > total // _TOLD_EACH:
            say(f"{total + count} {what} …")
        total += count
    return total


@command.command()
@click.option("--state", type=click.Choice(["queued", "told", "dead"]), help="Only those.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many, newest first.")
@click.option("--retry", is_flag=True, help="First make every waiting or dead one due now, after a portal came back.")
@dry_run_option
@output_option
def outbox(state: str | None, limit: int, retry: bool, dry_run: bool, output: Output) -> None:
    """Portals that are told of the end of a sign-in (back channel), newest first, and what they answered."""
    with opened() as deps:
        if retry:
            with changing(dry_run=dry_run) as db:
                count = notices.put_back(db, now=deps.now())
                record(db, deps, "logout-notices-retried", notices=count)
            say(f"{count} notices are due now")
        with reading() as db:
            found = notices.outbox(db, state=state, limit=limit)
    rows([{name: getattr(one, name) for name in _NOTICE} for one in found], _NOTICE, output)


def _account(db: Session, who: str) -> str:
    account = admin.account(db, email=who) if "@" in who else admin.account(db, account_id=who)
    if account is None:
        raise NotFound(f"there is no account {who}; letters are found by `idp accounts search`")
    return account.id
