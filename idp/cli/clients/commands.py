"""The commands that change one portal: create, update, disable, enable, delete, rotate-secret."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from typing import Any

import click
from sqlalchemy.orm import Session

from idp.cli import values
from idp.cli.clients import changes, shown
from idp.cli.clients.defaults import NEW
from idp.cli.clients.listing import existing, print_client
from idp.cli.clients.shown import Owners
from idp.cli.context import changing, dry_run_option, opened, record, require_yes
from idp.cli.failures import Conflict, Failure
from idp.cli.output import Output, assignments, output_option, say
from idp.cli.output import record as print_record
from idp.deps import Deps
from idp.grants import store as grants
from idp.oidc.registration import rules, secrets, store
from idp.oidc.registration.metadata import Client


@click.command()
@click.option("--id", "client_id", help="The client_id; made from the name when not given.")
@click.option("--name", required=True, help="What people know the portal as.")
@click.option("--agency", metavar="CLIENT/SOCIETE", help="It belongs to this agency, and sees this agency only.")
@click.option("--customer", metavar="CODE", help="It belongs to this customer, and sees its agencies.")
@changes.options
@click.option("--default-portal", is_flag=True, help="A sign-in at the agency goes on to it.")
@click.option("--public", is_flag=True, help="It cannot keep a secret: a single-page or native application.")
@click.option("--no-pkce", is_flag=True, help="Do not require PKCE: only for a portal whose software lacks it.")
@dry_run_option
@output_option
def create(
    client_id: str | None,
    name: str,
    agency: str | None,
    customer: str | None,
    default_portal: bool,
    public: bool,
    no_pkce: bool,
    dry_run: bool,
    output: Output,
    **given: Any,
) -> None:
    """Add a portal and print the settings to paste into it. The secret is printed now and never again.

    Without --agency and --customer the portal belongs to the platform and sees all agencies.

    Example: idp clients create --name "Extranet ADB" --agency ADB/TLS01 --redirect-uri https://extranet.example/retour
    """
    if agency and customer:
        raise click.UsageError("--agency or --customer, not both: the agency tells the customer")
    if public and given["auth_method"] not in (None, "none"):
        raise click.UsageError("--public means --auth-method none")
    with opened() as deps, changing(dry_run=dry_run) as db:
        wanted = changes.applied(
            replace(
                NEW,
                id=client_id or _id_from(name, deps),
                name=values.name(name),
                customer_id=values.customer(db, customer).id if customer else None,
                agency_id=values.agency(db, agency).id if agency else None,
                default_portal=default_portal,
                token_endpoint_auth_method="none" if public else NEW.token_endpoint_auth_method,
                require_pkce=not no_pkce,
            ),
            given,
        )
        _require_sound(db, deps, wanted)
        now = deps.now()
        if store.find(db, wanted.id, now=now) is not None or store.remains(db, wanted.id, now=now) is not None:
            raise Conflict(f"client {wanted.id} exists already")
        store.create(db, wanted, now=deps.now())
        secret = secrets.made(db, deps, wanted) if wanted.has_secret else None
        record(db, deps, "client-created", agency_id=wanted.agency_id, client=wanted.id)
        _print_settings(wanted, deps, None if dry_run else secret, output)
    if secret is not None and not dry_run:
        say("the secret is not stored in clear and cannot be shown again: `idp clients rotate-secret` makes another")


@click.command()
@click.argument("client_id")
@click.option("--name", help="What people know the portal as.")
@changes.options
@click.option("--add-redirect-uri", multiple=True, help="One more, besides those there are.")
@click.option("--remove-redirect-uri", multiple=True, help="One of those there are.")
@click.option("--default-portal/--no-default-portal", default=None, help="Whether sign-ins at the agency go on to it.")
@click.option("--pkce/--no-pkce", default=None, help="Whether PKCE is required.")
@dry_run_option
@output_option
def update(client_id: str, dry_run: bool, output: Output, **given: Any) -> None:
    """Change what is registered of a portal. An option that may be repeated replaces the whole list."""
    with opened() as deps, changing(dry_run=dry_run) as db:
        before = existing(db, deps, client_id)
        after = changes.applied(before, given)
        secret = None
        fields = [name for name, value in vars(after).items() if value != getattr(before, name)]
        if fields:
            _require_sound(db, deps, after)
            store.change(db, deps, after)
            secret = secrets.renewed(db, deps, before, after)
            record(db, deps, "client-changed", agency_id=after.agency_id, client=after.id, fields=fields)
        else:
            say("nothing to change")
        if secret is None or dry_run:
            print_client(existing(db, deps, client_id), Owners(db), output)
        else:
            say("the new method needs a secret of its own: it is in what follows, and cannot be shown again")
            _print_settings(after, deps, secret, output)


@click.command("rotate-secret")
@click.argument("client_id")
@click.option(
    "--overlap-hours",
    type=click.IntRange(0, 24 * 90),
    default=secrets.OVERLAP_HOURS,
    show_default=True,
    help="How long the present secrets still work; 0 ends them at once, for a leaked one.",
)
@dry_run_option
@output_option
def rotate_secret(client_id: str, overlap_hours: int, dry_run: bool, output: Output) -> None:
    """Make a new secret for a portal and print it once; the present ones work for a while."""
    with opened() as deps, changing(dry_run=dry_run) as db:
        client = existing(db, deps, client_id)
        if not client.has_secret:
            raise Failure(f"client {client_id} has no secret: it registered {client.token_endpoint_auth_method}")
        secrets.replaced(db, deps, client_id, overlap_hours=overlap_hours)
        secret = secrets.made(db, deps, client)
        record(db, deps, "client-secret-rotated", client=client_id, overlap_hours=overlap_hours)
        _print_settings(client, deps, None if dry_run else secret, output)
    if not dry_run:
        say(f"earlier secrets end in {overlap_hours} hours; this one cannot be shown again")


@click.command()
@click.argument("client_id")
@dry_run_option
def disable(client_id: str, dry_run: bool) -> None:
    """Refuse a portal's requests from now on; nothing is deleted."""
    with opened() as deps:
        _set_disabled(deps, client_id, closed=True, dry_run=dry_run)


@click.command()
@click.argument("client_id")
@dry_run_option
def enable(client_id: str, dry_run: bool) -> None:
    """Accept a disabled portal's requests again."""
    with opened() as deps:
        _set_disabled(deps, client_id, closed=False, dry_run=dry_run)


@click.command()
@click.argument("client_id")
@click.option("--yes", is_flag=True, help="Do not ask.")
@dry_run_option
def delete(client_id: str, yes: bool, dry_run: bool) -> None:
    """Delete a portal with its secrets; what people granted to it is revoked. `disable` can be undone, this cannot."""
    require_yes(f"Delete client {client_id} for good?", "deleting", yes=yes, dry_run=dry_run)
    with opened() as deps, changing(dry_run=dry_run) as db:
        client = store.remains(db, client_id, now=deps.now()) or existing(db, deps, client_id)
        revoked = grants.revoke_of_client(db, client_id, now=deps.now())
        store.remove(db, deps, client_id)
        record(db, deps, "client-deleted", agency_id=client.agency_id, client=client_id, grants=revoked)
        say(f"client {client_id} is deleted, {revoked} grants are revoked")


def _set_disabled(deps: Deps, client_id: str, *, closed: bool, dry_run: bool) -> None:
    state = "disabled" if closed else "enabled"
    with changing(dry_run=dry_run) as db:
        client = existing(db, deps, client_id)
        if (client.disabled_at is not None) == closed:
            say(f"client {client_id} is {state} already")
            return
        store.change(db, deps, replace(client, disabled_at=deps.now() if closed else None))
        record(db, deps, f"client-{state}", agency_id=client.agency_id, client=client_id)
        say(f"client {client_id} is {state}")


def _require_sound(db: Session, deps: Deps, client: Client) -> None:
    """Raises UsageError with every reason why the client may not be registered, and Conflict for a taken place."""
    if found := rules.problems(client, deps.settings):
        raise click.UsageError("; ".join(found))
    if client.default_portal and client.agency_id is not None:
        present = store.default_portal(db, client.agency_id)
        if present is not None and present.id != client.id:
            raise Conflict(f"the agency's default portal is {present.id}: change that one first (--no-default-portal)")


def _print_settings(client: Client, deps: Deps, secret: str | None, output: Output) -> None:
    settings = shown.portal_settings(client, deps, secret)
    if output is Output.TABLE:
        assignments(settings)
    else:
        print_record(settings, output)


def _id_from(name: str, deps: Deps) -> str:
    """A client_id that tells whose it is: `extranet-adb-3f9a1c`."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40] or "portal"
    return f"{slug}-{deps.new_id()[-6:]}"
