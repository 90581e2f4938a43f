"""What is done to a person's data as a whole, one function a deed; each inside the caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from idp.accounts.roles import AccountState
from idp.audit import store as audit
from idp.deps import Deps
from idp.grants import store as grants
from idp.rights import store
from idp.rights.holdings.kinds import Person
from idp.sessions import store as sessions


def person_of(db: Session, deps: Deps, *, account_id: str, email_key: str) -> Person:
    """An account with all its letters."""
    return Person(account_id, email_key, store.letters_of(db, account_id), audit.digest_of_address(deps, email_key))


def person_of_letter(letter_id: str) -> Person:
    """A letter that is nobody's account."""
    return Person(None, "", (letter_id,))


def end_access(db: Session, deps: Deps, account_id: str) -> None:
    """Every sign-in and every portal's token of the account ends; portals that registered for it are told."""
    now = deps.now()
    grants.revoke_of_account(db, account_id, now=now)
    sessions.end_all(db, account_id, now=now)


def disable(db: Session, deps: Deps, account_id: str) -> bool:
    """Nobody signs in with the account, nothing of it is deleted; False when it is not open."""
    if not store.set_state(db, account_id, of=AccountState.ACTIVE, to=AccountState.DISABLED):
        return False
    end_access(db, deps, account_id)
    return True


def enable(db: Session, deps: Deps, account_id: str) -> bool:
    """The account is open again; False when it was not disabled."""
    # Whoever was signing in at the moment it was closed got a sign-in that was worth nothing, and stays so.
    end_access(db, deps, account_id)
    return store.set_state(db, account_id, of=AccountState.DISABLED, to=AccountState.ACTIVE)


@dataclass(frozen=True)
class Erased:
    """agencies: codes of those who hold data of the person themselves, and are to be told (RGPD article 19).

    rows: how many of each table went.
    """

    agencies: tuple[str, ...]
    rows: dict[str, int]


def erase(db: Session, deps: Deps, person: Person) -> Erased | None:
    """Delete all that is held about a person but a tombstone with the `sub`; None when that was done before.

    The account is closed first, by a guarded statement: whatever runs at the same time and would add something to it
    (a merge, a reset) waits for this transaction and finds it closed.
    """
    if person.account_id is not None:
        if not store.bury(db, person.account_id, now=deps.now()):
            return None
        end_access(db, deps, person.account_id)
        # A merge that was committed while we waited has brought a letter.
        letters = store.letters_of(db, person.account_id)
        person = Person(person.account_id, person.email_key, letters, person.address_digest)
    agencies = _agencies(db, person)
    return Erased(agencies, store.erase(db, person))


def export(db: Session, deps: Deps, person: Person) -> dict[str, Any]:
    """All that is held about a person, by table; agencies by their codes, terms by their version."""
    agencies, terms = store.agencies(db), store.versions_of_terms(db)

    def readable(name: str, value: Any) -> Any:
        if name == "agency_id":
            return agencies.get(value, value)
        return terms.get(value, value) if name == "terms_id" else value

    found = {
        holding.name: [{name: readable(name, value) for name, value in row.items()} for row in rows]
        for holding, rows in store.held(db, person)
    }
    return {"sub": person.account_id, "exported_at": deps.now(), **found}


def _agencies(db: Session, person: Person) -> tuple[str, ...]:
    codes = store.agencies(db)
    return tuple(sorted({codes[agency_id] for agency_id in store.agencies_of_letters(db, person.letter_ids)}))
