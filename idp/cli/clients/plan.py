"""What files of portals mean against what is registered: which are new, which differ and in what. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from idp.cli.clients.defaults import NEW
from idp.cli.clients.files import Declared, Problem
from idp.cli.clients.shown import Owners
from idp.deps import Deps
from idp.oidc.registration import fields, rules, secrets, store
from idp.oidc.registration.metadata import Client
from idp.tenancy import resolve
from idp.tenancy import store as tenancy

CREATE, CHANGE, SAME, REPAIR = "create", "change", "same", "repair"


@dataclass(frozen=True)
class Step:
    """What becomes of one portal. new_secret: it brings one that is not registered yet. before: as it is now."""

    action: str
    client: Client
    changes: tuple[tuple[str, Any, Any], ...] = ()
    secret: str | None = field(default=None, repr=False)
    new_secret: bool = False
    before: Client | None = None


def make(db: Session, deps: Deps, declared: Iterable[Declared]) -> tuple[list[Step], list[Problem]]:
    """The steps, in the order of the files, and every reason why the files cannot be applied."""
    owners = Owners(db)
    steps: list[Step] = []
    problems: list[Problem] = []
    seen: dict[str, Declared] = {}
    for one in declared:
        present, damaged = _present(db, deps, str(one.values["client_id"]))
        client, wrong = _client(db, one, present, now=deps.now())
        wrong += _located(one, rules.problems(client, deps.settings))
        if (first := seen.setdefault(client.id, one)) is not one:
            wrong.append(one.problem(f"client {client.id} stands at {first.path}:{first.line} already", "client_id"))
        if one.secret is not None and not client.has_secret:
            wrong.append(one.problem(f"{client.token_endpoint_auth_method} goes without a secret", "secret_env"))
        problems += wrong
        step = _step(deps, client, present, one.secret, owners)
        # What it was is not known, so neither is what of it would change.
        steps.append(replace(step, action=REPAIR, changes=()) if damaged else step)
    return steps, problems + _portal_conflicts(db, steps, seen)


def _present(db: Session, deps: Deps, client_id: str) -> tuple[Client | None, bool]:
    """The portal as it is registered, and whether its row is damaged: then only what is left of it is right."""
    found = store.find(db, client_id, now=deps.now())
    left = None if found is not None else store.remains(db, client_id, now=deps.now())
    # No method: whether its secrets suit the one of the file is told by what they are (`secrets.suits`).
    return (found, False) if left is None else (replace(NEW, **vars(left), token_endpoint_auth_method=""), True)


def _step(deps: Deps, client: Client, present: Client | None, secret: str | None, owners: Owners) -> Step:
    if present is None:
        return Step(CREATE, client, (), secret, secret is not None)
    known = secret is not None and secrets.digest(deps, secret) in present.secret_digests
    new_secret = secret is not None and not (known and secrets.suits(present, client))
    before, after = _comparable(present, owners), _comparable(client, owners)
    changes = tuple((name, before[name], after[name]) for name in after if before[name] != after[name])
    return Step(CHANGE if changes or new_secret else SAME, client, changes, secret, new_secret, present)


def _comparable(client: Client, owners: Owners) -> dict[str, Any]:
    """The fields as a file writes them, so that a difference reads like one of the file."""
    values = {name: fields.plain(getattr(client, name)) for name in fields.OPERATOR}
    return {"belongs_to": owners.of(client), **values, "disabled": client.disabled_at is not None}


def _client(db: Session, one: Declared, present: Client | None, *, now: datetime) -> tuple[Client, list[Problem]]:
    """The client that a declaration asks for."""
    values = one.values
    problems: list[Problem] = []
    agency_id = customer_id = None
    if "agency" in values:
        customer_code, _, company_code = str(values["agency"]).partition("/")
        codes = resolve.canonical(customer_code), resolve.canonical(company_code)
        agency = tenancy.agency_by_codes(db, *codes)
        agency_id = None if agency is None else agency.id
        if agency is None:
            problems.append(one.problem(f"there is no agency {values['agency']!r} (CLIENT/SOCIETE)", "agency"))
    elif "customer" in values:
        customer = tenancy.customer_by_code(db, resolve.canonical(str(values["customer"])))
        customer_id = None if customer is None else customer.id
        if customer is None:
            problems.append(one.problem(f"there is no customer {values['customer']!r}", "customer"))
    disabled_at = None
    if values.get("disabled", False):
        disabled_at = (present.disabled_at if present else None) or now
    said = {name: fields.stored(values[name]) for name in fields.OPERATOR if name in values}
    client = replace(
        NEW,
        id=values["client_id"],
        customer_id=customer_id,
        agency_id=agency_id,
        disabled_at=disabled_at,
        dynamic=present is not None and present.dynamic,
        **said,
    )
    return client, problems


def _located(one: Declared, problems: Iterable[str]) -> list[Problem]:
    """The rules' reasons, each at the line of the key that it names."""
    return [one.problem(text, text.partition(":")[0]) for text in problems]


def _portal_conflicts(db: Session, steps: list[Step], seen: Mapping[str, Declared]) -> list[Problem]:
    """Default portals that would be two of one agency, counting those that no file names."""
    problems = []
    declared = {step.client.id: step.client for step in steps}
    taken: dict[str, str] = {}
    for client in declared.values():
        if not client.default_portal or client.agency_id is None:
            continue
        other = taken.setdefault(client.agency_id, client.id)
        present = store.default_portal(db, client.agency_id)
        if other == client.id and present is not None and present.id not in declared:
            other = present.id
        if other != client.id:
            problems.append(
                seen[client.id].problem(f"the agency's default portal is {other} already", "default_portal")
            )
    return problems
