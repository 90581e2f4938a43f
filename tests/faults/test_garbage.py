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
from tests.support.logs import logged
from tests.support.person import Person
from tests.support.world import STRONG, World


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
def test_an_upgrade_in_a_state_that_nobody_knows_has_ended(world: World) -> None:
    """It was a fault of ours, GEN-01, at every try: no page told the way on."""
    letter = world.letter()
    person = world.person()
    acts.show_letter(person, letter)
    flow = person.page.path
    write(world, "UPDATE upgrade_flows SET state = 'nonsense' WHERE id = :id", id=flow.split("/")[2])

    _has_ended(world, person, flow)

    assert world.person().get(flow).status_code == 404
    assert acts.show_letter(person, letter).heading == "Sécuriser mon compte"


@fault("X36")
def test_the_mailed_link_of_an_upgrade_in_a_state_that_nobody_knows_has_ended_too(world: World) -> None:
    letter = world.letter()
    flow = acts.ask_for_account(world, letter).page.path.split("/")[2]
    link = world.link_for(letter.email)
    write(world, "UPDATE upgrade_flows SET state = 'nonsense' WHERE id = :id", id=flow)

    _has_ended(world, world.person(), link)


@fault("X36")
def test_a_merge_in_a_state_that_nobody_knows_has_ended(world: World) -> None:
    member, _ = world.member()
    letter = world.letter()
    person = acts.to_merge(world, letter, str(member.email))
    flow = person.page.path
    write(world, "UPDATE merge_flows SET state = 'nonsense' WHERE id = :id", id=flow.split("/")[2])

    _has_ended(world, person, flow)

    assert world.person().get(flow).status_code == 404
    assert (
        acts.to_merge(world, letter, str(member.email)).submit(password=STRONG).heading.startswith("Comptes associés")
    )


@fault("X36")
def test_a_reset_in_a_state_that_nobody_knows_has_ended(world: World) -> None:
    letter, _ = world.member()
    person = world.person()
    flow = acts.ask_reset(person, letter).path
    link = world.link_for(letter.email)
    write(world, "UPDATE reset_flows SET state = 'nonsense' WHERE id = :id", id=flow.split("/")[2])

    _has_ended(world, person, flow)
    _has_ended(world, world.person(), link)


def _has_ended(world: World, person: Person, path: str) -> None:
    """The page says so, with a way on, as of one that was left for too long; the operator has a line with what was read."""
    with logged(world) as lines:
        page = person.get(path)
        written = "".join(lines())
    assert page.status_code == 410
    assert "FLO-02" in page.text
    assert "/login" in page.text
    assert "nonsense" not in page.text
    assert "flow in an unknown state" in written
    assert "nonsense" in written


@fault("X36")
def test_a_role_that_this_version_does_not_know_has_a_neutral_word(world: World) -> None:
    """Profil was a fault of ours for whoever has such a letter, and so was the last page of a merge."""
    agency = world.agency()
    letter, _ = world.member(agency)
    person = world.signed_in(letter)
    joined = world.letter(agency)
    for one in (letter, joined):
        write(world, "UPDATE provisional_accounts SET role = 'gardien' WHERE id = :id", id=one.id)

    profile = person.open("/profile")
    merged = acts.to_merge(world, joined, str(letter.email)).submit(password=STRONG)

    assert "Autre" in profile.text
    assert "Autre" in merged.text
    assert "gardien" not in profile.text + merged.text


@fault("X36")
def test_a_mail_asked_for_on_a_machine_that_this_version_does_not_know_opens_its_page(world: World) -> None:
    letter, _ = world.member()
    person = world.person()
    flow = acts.ask_reset(person, letter).path.split("/")[2]
    link = world.link_for(letter.email)
    write(world, "UPDATE links SET asked_on = 'montre' WHERE flow_id = :id", id=flow)

    page = person.open(link)

    assert "Demande faite le" in page.text
    assert "montre" not in page.text


@fault("X36")
def test_an_account_in_a_state_that_nobody_knows_opens_nothing_and_is_shown(world: World) -> None:
    letter, account_id = world.member()
    person = world.signed_in(letter)
    write(world, "UPDATE accounts SET state = 'nonsense' WHERE id = :id", id=account_id)

    assert acts.sign_in(world.person(), letter).heading != "Profil"
    assert "Se déconnecter" not in person.get("/profile").text
    assert account_id in idp(world, "accounts", "search", str(letter.email))
    assert letter.identifier in idp(world, "accounts", "show", str(letter.email))
