"""`idp customers`: the groups that run agencies."""

from __future__ import annotations

import click
from sqlalchemy.orm import Session

from idp.cli import values
from idp.cli.context import changing, dry_run_option, opened, record
from idp.cli.failures import Conflict
from idp.cli.output import Output, Row, output_option, rows, say
from idp.cli.output import record as print_record
from idp.database import reading
from idp.tenancy import admin, store
from idp.tenancy.tables import Customer

_COLUMNS = ("code", "name", "agencies", "created_at")


@click.group()
def command() -> None:
    """Groups that run agencies (codes client)."""


@command.command()
@click.argument("code")
@click.option("--name", required=True, help="What people know the group as.")
@dry_run_option
@output_option
def create(code: str, name: str, dry_run: bool, output: Output) -> None:
    """Add the customer CODE.

    Example: idp customers create ADB --name "Groupe ADB"
    """
    code, name = values.code(code, "customer code"), values.name(name)
    with opened() as deps, changing(dry_run=dry_run) as db:
        if store.customer_by_code(db, code) is not None:
            raise Conflict(f"customer {code} exists already")
        admin.create_customer(db, customer_id=deps.new_id(), code=code, name=name, now=deps.now())
        record(db, deps, "customer-created", customer=code)
        print_record(_row(db, values.customer(db, code)), output)


@command.command("list")
@output_option
def list_(output: Output) -> None:
    """All customers, in the order of their codes."""
    with opened(), reading() as db:
        counts = admin.agency_counts(db)
        found = [{**_plain(one), "agencies": counts.get(one.id, 0)} for one in store.customers(db)]
    rows(found, _COLUMNS, output)


@command.command()
@click.argument("code")
@output_option
def show(code: str, output: Output) -> None:
    """The customer CODE and its agencies."""
    with opened(), reading() as db:
        found = values.customer(db, code)
        agencies = [f"{one.company_code} {one.name}" for one in store.agencies(db, customer_code=found.code)]
        print_record({**_plain(found), "agencies": agencies}, output)


@command.command()
@click.argument("code")
@click.option("--name", required=True, help="The new name.")
@dry_run_option
@output_option
def update(code: str, name: str, dry_run: bool, output: Output) -> None:
    """Change the name of the customer CODE."""
    name = values.name(name)
    with opened() as deps, changing(dry_run=dry_run) as db:
        found = values.customer(db, code)
        if found.name == name:
            say("nothing to change")
        else:
            admin.rename_customer(db, found.id, name)
            record(db, deps, "customer-changed", customer=found.code, fields=["name"])
            db.refresh(found)
        print_record(_row(db, found), output)


def _plain(customer: Customer) -> dict[str, object]:
    return {"code": customer.code, "name": customer.name, "created_at": customer.created_at}


def _row(db: Session, customer: Customer) -> Row:
    return {**_plain(customer), "agencies": admin.agency_counts(db).get(customer.id, 0)}
