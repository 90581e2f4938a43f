"""Rows that no version of ours has written: whoever they are of is told so, and nobody else notices."""

from __future__ import annotations

import os
import subprocess

import pytest
from sqlalchemy import text

from idp.oidc.registration import store
from tests.cli.terminal import IDP
from tests.faults.catalogue import fault
from tests.support import acts
from tests.support.world import World


def write(world: World, statement: str, **values: str) -> None:
    with world.transaction() as db:
        assert db.execute(text(statement), values).rowcount == 1


def idp(world: World, *arguments: str) -> str:
    """What a command of an operator prints; it must succeed."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("IDP_")}
    own = {"IDP_DATABASE_URL": world.deps.settings.database_url.get_secret_value()}
    done = subprocess.run([*IDP, *arguments], env=clean | own, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@fault("X36")
@pytest.mark.parametrize("document", ["{}", '"text"', "null"])
def test_a_damaged_portal_is_refused_and_the_others_are_listed_and_served(world: World, document: str) -> None:
    """`idp clients list` ended at the first of them, and its requests in 500."""
    agency = world.agency()
    damaged, other = world.portal(agency), world.portal(agency)
    with world.reading() as db:
        kept = db.execute(text("SELECT registered FROM clients WHERE id = :id"), {"id": damaged.client_id}).scalar_one()
    write(world, "UPDATE clients SET registered = :document WHERE id = :id", document=document, id=damaged.client_id)
    store.cache.clear()
    try:
        answers = [portal.refresh("x" * 43).json()["error"] for portal in (damaged, other)]
        page = world.person().get(damaged.authorize_url())
        listed = idp(world, "clients", "list")
    finally:
        _put_back(world, damaged.client_id, kept)

    assert answers == ["invalid_client", "invalid_grant"]
    assert page.status_code == 400
    assert "Traceback" not in page.text
    assert other.client_id in listed
    assert damaged.client_id not in listed


def _put_back(world: World, client_id: str, registered: object) -> None:
    import json

    document = registered if isinstance(registered, str) else json.dumps(registered)
    write(world, "UPDATE clients SET registered = :document WHERE id = :id", document=document, id=client_id)
    store.cache.clear()


@fault("X36")
def test_a_mail_without_a_body_waits_and_those_behind_it_leave(world: World) -> None:
    """It ended the batch of its sender, again after each lease: whoever was behind it waited five minutes each time."""
    first, second = world.letter(), world.letter()
    acts.ask_for_account(world, first)
    acts.ask_for_account(world, second)
    write(
        world,
        "UPDATE outbox_mails SET text = NULL WHERE recipient = :address AND state = 'queued'",
        address=str(first.email),
    )

    assert world.mails_to(second.email)
    assert not world.mails_to(first.email)
    with world.reading() as db:
        told = db.execute(
            text("SELECT state, last_answer FROM outbox_mails WHERE recipient = :address"), {"address": first.email}
        ).one()
    assert told == ("queued", "the mail has no body")
    write(world, "DELETE FROM outbox_mails WHERE recipient = :address AND state = 'queued'", address=str(first.email))


@fault("X36")
def test_a_flow_in_a_state_that_nobody_knows_is_begun_anew(world: World) -> None:
    letter = world.letter()
    person = world.person()
    acts.show_letter(person, letter)
    flow = person.page.path
    write(world, "UPDATE upgrade_flows SET state = 'nonsense' WHERE id = :id", id=flow.split("/")[2])

    page = person.get(flow)

    assert page.status_code == 500
    assert "GEN-01" in page.text
    assert "Traceback" not in page.text
    assert acts.show_letter(world.person(), letter).heading == "Sécuriser mon compte"


@fault("X36")
def test_an_account_in_a_state_that_nobody_knows_opens_nothing_and_is_shown(world: World) -> None:
    letter, account_id = world.member()
    person = world.signed_in(letter)
    write(world, "UPDATE accounts SET state = 'nonsense' WHERE id = :id", id=account_id)

    assert acts.sign_in(world.person(), letter).heading != "Profil"
    assert "Se déconnecter" not in person.get("/profile").text
    assert account_id in idp(world, "accounts", "search", str(letter.email))
    assert letter.identifier in idp(world, "accounts", "show", str(letter.email))
