"""`idp agencies`: the companies of a customer, their brand and who to call."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import click
from sqlalchemy.orm import Session

from idp.accounts import admin as accounts
from idp.cli import values
from idp.cli.context import changing, dry_run_option, opened, record
from idp.cli.failures import Conflict
from idp.cli.output import Command, Output, Row, output_option, rows, say
from idp.cli.output import record as print_record
from idp.database import reading
from idp.deps import Deps
from idp.oidc.registration import store as registration
from idp.tenancy import admin, logos, resolve, store
from idp.tenancy.store import AgencyView

_COLUMNS = ("client", "societe", "name", "support_phone", "support_email", "disabled")
_CHECKS = {
    "name": values.name,
    "brand_color": values.color,
    "logo": values.logo,
    "support_phone": values.phone,
    "support_email": values.address,
}


@click.group()
def command() -> None:
    """Companies of a customer (codes société), with their brand."""


def _brand_options(command: Command) -> Command:
    for option in (
        click.option("--support-email", help="Address to write to for help; empty to take it away."),
        click.option("--support-phone", help="Number to call for help; empty to take it away."),
        click.option("--logo", help="File with the agency's logo, PNG or JPEG, 20 kB at most; empty to take it away."),
        click.option("--brand-color", help="Colour of the agency, #rrggbb; empty to take it away."),
    ):
        command = option(command)
    return command


@command.command()
@click.argument("codes", metavar="CLIENT/SOCIETE")
@click.option("--name", required=True, help="What people know the agency as.")
@_brand_options
@dry_run_option
@output_option
def create(codes: str, dry_run: bool, output: Output, **typed: str | None) -> None:
    """Add an agency to a customer that exists.

    Example: idp agencies create ADB/TLS01 --name "Agence du Capitole" --brand-color "#0b5394"
    """
    customer_code, company_code = values.two_codes(codes)
    fields = _checked(typed)
    with opened() as deps, changing(dry_run=dry_run) as db:
        _keep_logo(db, fields)
        customer = values.customer(db, customer_code)
        if store.agency_by_codes(db, customer_code, company_code) is not None:
            raise Conflict(f"agency {customer_code}/{company_code} exists already")
        agency_id = deps.new_id()
        admin.create_agency(
            db, agency_id=agency_id, customer_id=customer.id, code=company_code, now=deps.now(), **fields
        )
        record(db, deps, "agency-created", agency_id=agency_id)
        print_record(_shown(db, deps, values.agency(db, codes)), output)


@command.command("list")
@click.option("--customer", help="Only those of this customer code.")
@output_option
def list_(customer: str | None, output: Output) -> None:
    """All agencies, in the order of their codes."""
    with opened(), reading() as db:
        wanted = None if customer is None else values.customer(db, customer).code
        rows([_row(one) for one in store.agencies(db, customer_code=wanted)], _COLUMNS, output)


@command.command()
@click.argument("codes", metavar="CLIENT/SOCIETE")
@output_option
def show(codes: str, output: Output) -> None:
    """One agency: its brand, its portals, how many letters and people."""
    with opened() as deps, reading() as db:
        print_record(_shown(db, deps, values.agency(db, codes)), output)


@command.command()
@click.argument("codes", metavar="CLIENT/SOCIETE")
@click.option("--name", help="The new name.")
@_brand_options
@dry_run_option
@output_option
def update(codes: str, dry_run: bool, output: Output, **typed: str | None) -> None:
    """Change an agency's name, colour or who to call."""
    fields = _checked(typed)
    if not fields:
        raise click.UsageError("say what to change: --name, --brand-color, --logo, --support-phone or --support-email")
    with opened() as deps, changing(dry_run=dry_run) as db:
        before = values.agency(db, codes)
        _keep_logo(db, fields)
        new = {field: value for field, value in fields.items() if getattr(before, field) != value}
        if new:
            admin.change_agency(db, before.id, **new)
            record(db, deps, "agency-changed", agency_id=before.id, fields=sorted(new))
        else:
            say("nothing to change")
        print_record(_shown(db, deps, values.agency(db, codes)), output)


@command.command()
@click.argument("codes", metavar="CLIENT/SOCIETE")
@dry_run_option
def disable(codes: str, dry_run: bool) -> None:
    """Close an agency: nobody signs in there; nothing is deleted."""
    with opened() as deps:
        _set_disabled(deps, codes, closed=True, dry_run=dry_run)


@command.command()
@click.argument("codes", metavar="CLIENT/SOCIETE")
@dry_run_option
def enable(codes: str, dry_run: bool) -> None:
    """Open a closed agency again."""
    with opened() as deps:
        _set_disabled(deps, codes, closed=False, dry_run=dry_run)


def _set_disabled(deps: Deps, codes: str, *, closed: bool, dry_run: bool) -> None:
    state = "disabled" if closed else "enabled"
    with changing(dry_run=dry_run) as db:
        found = values.agency(db, codes)
        if found.disabled == closed:
            say(f"agency {codes} is {state} already")
            return
        store.set_agency_disabled(db, found.id, deps.now() if closed else None)
        record(db, deps, f"agency-{state}", agency_id=found.id)
        say(f"agency {codes} is {state}")


def _checked(typed: dict[str, str | None]) -> dict[str, Any]:
    """The fields that were given, canonical. Raises UsageError for one that cannot be."""
    return {field: _CHECKS[field](value) for field, value in typed.items() if value is not None}


def _keep_logo(db: Session, fields: dict[str, Any]) -> None:
    """Store the picture, and leave its digest among the agency's fields."""
    logo = fields.get("logo")
    if isinstance(logo, logos.Logo):
        store.put_logo(db, logo)
        fields["logo"] = logo.digest


def _row(agency: AgencyView) -> dict[str, Any]:
    return {
        "client": agency.customer_code,
        "societe": agency.company_code,
        "name": agency.name,
        "brand_color": agency.brand_color,
        "logo": agency.logo,
        "support_phone": agency.support_phone,
        "support_email": agency.support_email,
        "disabled": agency.disabled,
    }


def _shown(db: Session, deps: Deps, agency: AgencyView) -> Row:
    held = accounts.holdings(db, agency.id)
    portals = [client for client in registration.all_clients(db) if client.agency_id == agency.id]
    codes = urlencode(resolve.query(agency))
    return {
        **_row(agency),
        "sign_in": f"{deps.settings.issuer}/login?{codes}",
        "letters_page": f"{deps.settings.issuer}/login/provisional?{codes}",
        "clients": [client.id for client in portals],
        "default_portal": next((client.id for client in portals if client.default_portal), None),
        "letters": held.letters,
        "letters_upgraded": held.upgraded,
        "letters_waiting": held.waiting,
        "accounts": held.accounts,
    }
