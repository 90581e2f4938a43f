"""`idp clients tokens`: initial access tokens, with which portals' developers register their software (RFC 7591 1.2)."""

from __future__ import annotations

from datetime import timedelta

import click

from idp.cli import values
from idp.cli.clients.shown import Owners
from idp.cli.context import changing, dry_run_option, opened, record
from idp.cli.failures import NotFound
from idp.cli.output import Output, output_option, rows, say
from idp.cli.output import record as print_record
from idp.database import reading
from idp.digests import Kind
from idp.oidc.registration import store

COLUMNS = ("id", "name", "belongs_to", "uses_left", "expires_at", "revoked_at", "created_at")


@click.command()
@click.option("--name", required=True, help="Who it is for.")
@click.option("--agency", metavar="CLIENT/SOCIETE", help="Its clients belong to this agency.")
@click.option("--customer", metavar="CODE", help="Its clients belong to this customer.")
@click.option(
    "--uses", type=click.IntRange(1, 1000), default=1, show_default=True, help="How many clients it registers."
)
@click.option("--days", type=click.IntRange(1, 365), default=7, show_default=True, help="How long it works.")
@dry_run_option
@output_option
def create(
    name: str, agency: str | None, customer: str | None, uses: int, days: int, dry_run: bool, output: Output
) -> None:
    """Make a token that registers clients, and print it once. Without --agency and --customer: for the platform."""
    if agency and customer:
        raise click.UsageError("--agency or --customer, not both: the agency tells the customer")
    with opened() as deps, changing(dry_run=dry_run) as db:
        token, now, token_id = deps.new_token(256), deps.now(), deps.new_id()
        store.add_token(
            db,
            id=token_id,
            digest=deps.digests.digest(Kind.INITIAL_ACCESS_TOKEN, token),
            name=values.name(name),
            customer_id=values.customer(db, customer).id if customer else None,
            agency_id=values.agency(db, agency).id if agency else None,
            uses_left=uses,
            created_at=now,
            expires_at=now + timedelta(days=days),
        )
        record(db, deps, "registration-token-created", token=token_id, uses=uses, days=days)
        endpoint, closed = f"{deps.settings.issuer}/oauth/register", deps.settings.registration == "off"
        shown = {"id": token_id, "registration_endpoint": endpoint, "expires_at": now + timedelta(days=days)}
        print_record(shown if dry_run else {**shown, "initial_access_token": token}, output)
    if closed:
        say("the setting `registration` is off: the token works once it is `token` or `open`")
    if not dry_run:
        say("the token is not stored in clear and cannot be shown again")


@click.command("list")
@output_option
def list_(output: Output) -> None:
    """All tokens, newest first; what they are is stored as digests only."""
    with opened(), reading() as db:
        owners = Owners(db)
        found = [
            {**{name: getattr(one, name) for name in COLUMNS if name != "belongs_to"}, "belongs_to": owners.of(one)}
            for one in store.tokens(db)
        ]
        rows(found, COLUMNS, output)


@click.command()
@click.argument("token_id")
@dry_run_option
def revoke(token_id: str, dry_run: bool) -> None:
    """Refuse a token from now on, by its id. The clients that it registered stay."""
    with opened() as deps, changing(dry_run=dry_run) as db:
        if not store.revoke_token(db, token_id, now=deps.now()):
            raise NotFound(f"there is no token {token_id} that works: `idp clients tokens list` shows them")
        record(db, deps, "registration-token-revoked", token=token_id)
        say(f"token {token_id} is revoked")


@click.group(commands={"create": create, "list": list_, "revoke": revoke})
def command() -> None:
    """Tokens with which software registers itself."""
