"""`idp accounts disable|enable|export|erase|erase-letters`: a person's data as a whole, and letters that are void."""

from __future__ import annotations

from collections import Counter

import click
from sqlalchemy.orm import Session

from idp.accounts import addresses, admin
from idp.accounts import store as accounts
from idp.accounts.roles import AccountState
from idp.cli import values
from idp.cli.context import changing, dry_run_option, opened, record, require_yes
from idp.cli.failures import Conflict, NotFound
from idp.cli.ids import TakesId
from idp.cli.output import Output, output_option, rows, say
from idp.cli.output import record as print_record
from idp.cli.store import secret_replaced_at
from idp.database import reading
from idp.deps import Deps
from idp.patience import again
from idp.rights import steps
from idp.rights.holdings.kinds import Person
from idp.rights.letters import erase_unused
from idp.rights.store import count_unused_letters


@click.command(cls=TakesId)
@click.argument("who")
@dry_run_option
def disable(who: str, dry_run: bool) -> None:
    """Close an account: nobody signs in with it, its sign-ins and tokens end, portals are told. Nothing is deleted.

    WHO is an e-mail address or a sub.
    """
    with opened() as deps, changing(dry_run=dry_run) as db:
        account_id = _account(db, who)
        if not steps.disable(db, deps, account_id):
            say(f"account {account_id} is disabled already")
            return
        record(db, deps, "account-disabled", subject=account_id)
        say(f"account {account_id} is disabled")


@click.command(cls=TakesId)
@click.argument("who")
@dry_run_option
def enable(who: str, dry_run: bool) -> None:
    """Open a disabled account again. WHO is an e-mail address or a sub; the password is the one of before."""
    with opened() as deps, changing(dry_run=dry_run) as db:
        account_id = _account(db, who)
        if not steps.enable(db, deps, account_id):
            say(f"account {account_id} is enabled already")
            return
        record(db, deps, "account-enabled", subject=account_id)
        say(f"account {account_id} is enabled")


@click.command(cls=TakesId)
@click.argument("who")
def export(who: str) -> None:
    """Print all that is held about a person as JSON, for the person (RGPD articles 15 and 20).

    WHO is an e-mail address, a sub, or CLIENT/SOCIETE/IDENTIFIANT for a letter that is nobody's account. Passwords and
    other secrets are stored as digests, and are left out.

    Example: idp accounts export lea@exemple.fr > lea.json
    """
    with opened() as deps:
        with reading() as db:
            person = _person(db, deps, who)
            found = steps.export(db, deps, person)
        with changing(dry_run=False) as db:  # somebody has read everything about a person: that is told
            record(db, deps, "account-exported", subject=_subject(person))
    print_record(found, Output.JSON)


@click.command(cls=TakesId)
@click.argument("who")
@click.option("--yes", is_flag=True, help="Do not ask.")
@dry_run_option
def erase(who: str, yes: bool, dry_run: bool) -> None:
    """Delete a person's account and letters for good (RGPD article 17). `disable` can be undone, this cannot.

    WHO is as for `export`. Of an account its sub alone is kept, so that nobody ever gets it again; the audit trail keeps
    its pseudonyms until they are old enough. The agencies that hold data of the person themselves are printed: they are
    to be told, since their next import brings back what their file still names.
    """
    require_yes(f"Erase {who} for good?", "erasing", yes=yes, dry_run=dry_run)
    with opened() as deps:
        _erase(deps, who, dry_run=dry_run)


@click.command("erase-letters")
@click.option("--yes", is_flag=True, help="Do not ask.")
@dry_run_option
@output_option
def erase_letters(yes: bool, dry_run: bool, output: Output) -> None:
    """After `secret_key` was replaced: delete the letters of before that nobody has used, which open nothing any more.

    Of all agencies, which are printed: import each one's file again, and print its letters anew. Letters that became an
    account's stay, and so do those made since.

    Example: idp accounts erase-letters --yes
    """
    require_yes("Erase every unused letter of the old secret_key?", "erasing", yes=yes, dry_run=dry_run)
    with opened() as deps:
        with reading() as db:
            before = secret_replaced_at(db)
            count = count_unused_letters(db, before=before) if before is not None else 0
        if before is None:
            raise Conflict("no key was ever renewed (`idp keys renew`): every letter is of the present secret_key")
        if dry_run:
            say(f"dry run: {count} letters would be erased; nothing was changed")
            return
        gone: Counter[str] = Counter()
        for some in erase_unused(before=before):
            gone += some
        with changing(dry_run=False) as db:
            record(db, deps, "letters-erased", letters=gone.total(), agencies=sorted(gone))
    rows([{"agency": agency, "letters": gone[agency]} for agency in sorted(gone)], ("agency", "letters"), output)
    say(f"{gone.total()} letters of {len(gone)} agencies are erased")


@again
def _erase(deps: Deps, who: str, *, dry_run: bool) -> None:
    """Done anew when it met a merge of the same person half-way, and the database ended one of both (a deadlock)."""
    with changing(dry_run=dry_run) as db:
        person = _person(db, deps, who)
        erased = steps.erase(db, deps, person)
        if erased is not None:
            record(db, deps, "account-erased", subject=_subject(person), agencies=list(erased.agencies))
    if erased is None:
        say(f"account {person.account_id} is erased already")
        return
    print_record({"sub": person.account_id, "agencies": erased.agencies, "rows": erased.rows}, Output.JSON)
    say(f"erased: {who}")


def _account(db: Session, who: str) -> str:
    """The id of an account that is not erased. Raises NotFound, Conflict."""
    account = admin.account(db, email=who) if "@" in who else admin.account(db, account_id=who)
    if account is None:
        raise NotFound(f"there is no account {who}; letters are found by `idp accounts search`")
    if account.state == AccountState.ERASED:
        raise Conflict(f"account {account.id} is erased")
    return account.id


def _person(db: Session, deps: Deps, who: str) -> Person:
    if who.count("/") >= 2:
        return _person_of_letter(db, who)
    account = admin.account(db, email=who) if "@" in who else admin.account(db, account_id=who)
    if account is None:
        raise NotFound(f"there is no account {who}; letters are found by `idp accounts search`")
    email_key = addresses.key(account.email) if account.email else ""
    return steps.person_of(db, deps, account_id=account.id, email_key=email_key)


def _person_of_letter(db: Session, who: str) -> Person:
    customer, company, identifier = who.split("/", 2)
    agency = values.agency(db, f"{customer}/{company}")
    letter = accounts.letter_by_identifier(db, agency.id, identifier)
    if letter is None:
        raise NotFound(f"there is no letter {identifier} at {agency.customer_code}/{agency.company_code}")
    owner = accounts.owner_of_letter(db, letter.id)
    if owner is not None:
        # Somebody may hold letters of several agencies; who asks for one must not lose or read the others unseen.
        raise Conflict(f"this letter is part of the account {owner}: name the account")
    return steps.person_of_letter(letter.id)


def _subject(person: Person) -> str:
    return person.account_id or person.letter_ids[0]
