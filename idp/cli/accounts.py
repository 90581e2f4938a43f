"""`idp accounts`: import letters, find, show and unlock people; closing and erasing them is in `rights.py`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click
from sqlalchemy.orm import Session

from idp.accounts import admin
from idp.accounts.addresses import key as email_key
from idp.accounts.admin import Found
from idp.accounts.store import identifier_key
from idp.cli import values
from idp.cli.context import changing, dry_run_option, opened, record
from idp.cli.failures import NotFound
from idp.cli.ids import TakesId
from idp.cli.importing import import_
from idp.cli.output import Output, output_option, rows, say
from idp.cli.output import record as print_record
from idp.cli.rights import disable, enable, erase, erase_letters, export
from idp.cli.store import live_sessions
from idp.database import reading
from idp.deps import Deps
from idp.throttle import store as throttle
from idp.throttle.store import Limit

_COLUMNS = ("client", "societe", "identifier", "name", "email", "state", "sub")


@click.group()
def command() -> None:
    """Import letters; find, show, unlock, close, export and erase people's accounts."""


command.add_command(import_)
for verb in (disable, enable, export, erase, erase_letters):
    command.add_command(verb)


@command.command()
@click.argument("words", nargs=-1, required=True)
@click.option("--agency", metavar="CLIENT/SOCIETE", help="Only at this agency.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many at most.")
@output_option
def search(words: tuple[str, ...], agency: str | None, limit: int, output: Output) -> None:
    """Find people by parts of their name, e-mail address or identifier; all WORDS must fit.

    Example: idp accounts search dupont --agency ADB/TLS01
    """
    with opened() as deps, reading() as db:
        agency_id = None if agency is None else values.agency(db, agency).id
        found = admin.search(db, words, agency_id=agency_id, limit=limit)
        rows([_row(one, deps.now()) for one in found], _COLUMNS, output)
    if len(found) == limit:
        say(f"only the first {limit} are shown: add a word, or --limit")


@command.command(cls=TakesId)
@click.argument("who")
@output_option
def show(who: str, output: Output) -> None:
    """One person: WHO is an e-mail address, a sub, or CLIENT/SOCIETE/IDENTIFIANT.

    A letter's identifier shows the letter, and the account that it belongs to.
    """
    with opened() as deps, reading() as db:
        letter = _letter(db, who)
        account_id = letter.account_id if letter else None
        if letter is None or account_id is not None:
            print_record(_account(db, deps, who, account_id), output)
        else:
            print_record(_whole_letter(db, letter, deps.now()), output)


@command.command(cls=TakesId)
@click.argument("who")
@dry_run_option
def unlock(who: str, dry_run: bool) -> None:
    """Forget the failed attempts of a person, so that they can try again now. WHO is as for `show`.

    Attempts of the network and of the agency are kept: they slow down whoever guesses many people's passwords.
    """
    with opened() as deps, changing(dry_run=dry_run) as db:
        limits = _limits(db, deps, who)
        throttle.forget(db, deps, *limits)
        record(db, deps, "account-unlocked", counters=len(limits))
        say(f"attempts on {who} are forgotten")


def _letter(db: Session, who: str) -> Found | None:
    """The letter of CLIENT/SOCIETE/IDENTIFIANT; None when WHO is not of that form. Raises NotFound."""
    if who.count("/") < 2:
        return None
    customer, company, identifier = who.split("/", 2)
    agency = values.agency(db, f"{customer}/{company}")
    found = admin.letter(db, agency.id, identifier)
    if found is None:
        raise NotFound(f"there is no letter {identifier} at {agency.customer_code}/{agency.company_code}")
    return found


def _account(db: Session, deps: Deps, who: str, account_id: str | None) -> dict[str, Any]:
    account = admin.account(db, email=who) if "@" in who else admin.account(db, account_id=account_id or who)
    if account is None:
        raise NotFound(f"there is no account {who}; letters are found by `idp accounts search`")
    now = deps.now()
    return {
        "sub": account.id,
        "email": account.email,
        "state": account.state,
        "created_at": account.created_at,
        "password_changed_at": account.password_changed_at,
        "sessions": len(live_sessions(db, account.id, now=now)),
        "memberships": [_whole_letter(db, letter, now) for letter in admin.letters_of(db, account.id)],
    }


def _whole_letter(db: Session, letter: Found, now: datetime) -> dict[str, Any]:
    agency = values.agency(db, f"{letter.customer_code}/{letter.company_code}")
    return {
        **_row(letter, now),
        "agency": agency.name,
        "expires_at": letter.expires_at,
        "closed_at": letter.closed_at,
        "city": letter.city,
        "suggested_email": letter.suggested_email,
        "contracts": admin.contracts(db, agency.id, letter.identifier),
    }


def _limits(db: Session, deps: Deps, who: str) -> list[Limit]:
    """The counters of a person: of the address, and of every letter that is theirs."""
    letter = _letter(db, who)
    if letter is not None:
        letters, emails = [letter], [letter.email] if letter.email else []
    elif "@" in who:
        account = admin.account(db, email=who)
        # Attempts on an address that nobody has are counted too, and somebody may ask for them to be forgotten.
        letters, emails = admin.letters_of(db, account.id) if account else [], [who]
    else:
        account = admin.account(db, account_id=who)
        if account is None:
            raise NotFound(f"there is no account {who}")
        letters, emails = admin.letters_of(db, account.id), [account.email]
    keys = [email_key(email) for email in emails]
    for one in letters:
        agency = values.agency(db, f"{one.customer_code}/{one.company_code}")
        keys.append(f"{agency.id}:{identifier_key(one.identifier)}")
    return [throttle.account(deps.settings, key) for key in keys]


def _row(found: Found, now: datetime) -> dict[str, Any]:
    person = " ".join(part for part in (found.civility, found.first_name, found.last_name) if part)
    return {
        "client": found.customer_code,
        "societe": found.company_code,
        "identifier": found.identifier,
        "name": f"{person} ({found.company_name})" if found.company_name else person,
        "email": found.email or found.suggested_email,
        "state": found.state(now),
        "sub": found.account_id,
    }
