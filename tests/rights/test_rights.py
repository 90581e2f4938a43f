"""Closing, exporting and erasing a person: what the person, the portals and the database see of it."""

from __future__ import annotations

import json
import secrets
import threading
from typing import Any

import pytest
from sqlalchemy import select

from idp import purge
from idp.accounts import store as accounts
from idp.accounts.tables import Account, Membership, ProvisionalAccount
from idp.database import db as flask_db
from idp.database import transaction
from idp.errors import LinkUnknown
from idp.oidc.keys.keyring import Keyring
from idp.oidc.logout import sender
from idp.oidc.logout.tables import LogoutNotice
from idp.passwords.queue import Asker
from idp.reset import steps as reset
from idp.rights import steps
from idp.rights.holdings.catalogue import HOLDINGS
from idp.rights.holdings.kinds import Fate
from idp.terms import store as terms
from idp.terms.tables import Terms
from tests.support.acts import ask_for_account, ask_reset, confirm, show_letter, sign_in, to_merge
from tests.support.world import OTHER_STRONG, STRONG, World


def rare() -> dict[str, str]:
    """A person's data that no other row of the database has."""
    mark = secrets.token_hex(4)
    return {
        "last_name": f"ZWIJSEN-{mark}",
        "first_name": f"Ursuline-{mark}",
        "street": f"77, rue {mark}",
        "city": f"Wambrechies-{mark}",
        "phone": f"+333{int(mark, 16) % 10**8:08d}",
        "mandate": f"M-{mark}",
    }


def whole(world: World, account_id: str) -> Any:
    with world.reading() as db:
        account = db.get(Account, account_id)
        return steps.person_of(db, world.deps, account_id=account_id, email_key=account.email_key)


def do(world: World, deed: Any, account_id: str) -> Any:
    with world.transaction() as db:
        return deed(db, world.deps, account_id)


def erase(world: World, account_id: str) -> steps.Erased | None:
    person = whole(world, account_id)
    with world.transaction() as db:
        return steps.erase(db, world.deps, person)


def dump(world: World) -> dict[str, list[str]]:
    """Every row of the database, as text."""
    with world.reading() as db:
        return {
            table.name: [repr(tuple(row)) for row in db.execute(select(table))]
            for table in flask_db.metadata.sorted_tables
        }


# --- disable, enable -------------------------------------------------------------------------------------------------


def test_a_closed_account_ends_sign_ins_and_tokens_and_portals_are_told(world: World) -> None:
    letter, account_id = world.member()
    portal = world.portal(
        letter, backchannel_logout_uri="https://portail.exemple.fr/told", backchannel_logout_session_required=True
    )
    person = world.signed_in(letter)
    person.open(portal.authorize_url())
    tokens = portal.redeem(person.sent_to).json()

    assert do(world, steps.disable, account_id)
    assert not do(world, steps.disable, account_id)

    assert person.open("/profile").path != "/profile"
    assert portal.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert portal.userinfo(tokens["access_token"]).status_code == 401
    assert sign_in(world.person(), letter).status == 400
    with world.server.app.app_context():
        sender.work(world.deps, Keyring(world.deps))
    with world.reading() as db:
        notices = db.scalars(select(LogoutNotice.client_id).where(LogoutNotice.account_id == account_id)).all()
    assert notices == [portal.client_id]


def test_an_account_that_is_opened_again_signs_in_anew_with_its_password(world: World) -> None:
    letter, account_id = world.member()
    person = world.signed_in(letter)
    do(world, steps.disable, account_id)

    assert do(world, steps.enable, account_id)
    assert not do(world, steps.enable, account_id)

    assert person.open("/profile").path != "/profile", "what ended stays ended"
    assert world.signed_in(letter).open("/profile").path == "/profile"


def test_a_mailed_link_does_not_open_a_closed_account(world: World) -> None:
    letter, account_id = world.member()
    person = world.person()
    ask_reset(person, letter)
    link = world.link_for(letter.email)
    do(world, steps.disable, account_id)

    person.open(link)
    page = person.submit(new_password=OTHER_STRONG, confirmation=OTHER_STRONG)

    assert page.heading == "Ce lien n'est plus valable"
    do(world, steps.enable, account_id)
    assert sign_in(world.person(), letter, password=STRONG).status != 400


def test_an_account_closed_while_a_password_was_hashed_keeps_the_one_it_had(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    letter, account_id = world.member()
    ask_reset(world.person(), letter)
    token = world.link_for(letter.email).rsplit("/", 1)[1]
    hash_ = world.deps.hasher.hash

    def closed_meanwhile(password: str, by: Asker) -> str:
        found = hash_(password, by)
        do(world, steps.disable, account_id)
        return found

    with world.server.app.app_context(), monkeypatch.context() as patch:
        patch.setattr(world.deps.hasher, "hash", closed_meanwhile)
        with pytest.raises(LinkUnknown):
            reset.set_password(
                world.deps,
                token=token,
                browser_digest="",
                new_password=OTHER_STRONG,
                confirmation=OTHER_STRONG,
                language="fr",
            )


# --- export ----------------------------------------------------------------------------------------------------------


def test_an_export_holds_what_a_person_gave_and_did_and_no_secret(world: World) -> None:
    from tests.hostile.test_secrets import whole_journey

    with world.reading() as db:
        before = db.scalars(select(Account.id)).all()
    secrets, _ = whole_journey(world)
    with world.reading() as db:
        account = db.scalars(select(Account).where(Account.id.not_in(before))).one()
        person = steps.person_of(db, world.deps, account_id=account.id, email_key=account.email_key)
        found = steps.export(db, world.deps, person)
        accepted = db.get(Terms, terms.current_id(db))

    told = json.dumps(found, default=str, ensure_ascii=False)
    assert found["sub"] == account.id
    assert account.email in told
    assert len(found["provisional_accounts"]) == len(found["memberships"]) == 2
    filled = {name for name, rows in found.items() if rows}
    assert filled >= {
        "accounts",
        "audit_events",
        "contracts",
        "grants",
        "links",
        "outbox_mails",
        "reset_flows",
        "sessions",
        "terms_acceptances",
        "upgrade_flows",
        "merge_flows",
    }
    assert found["terms_acceptances"][0]["terms_id"] == accepted.version
    assert "/" in found["memberships"][0]["agency_id"]
    for secret in secrets:
        assert secret not in told
    assert account.password_hash not in told


def test_an_export_holds_nothing_of_anybody_else(world: World) -> None:
    agency = world.agency()
    _, mine = world.member(agency)
    data = rare()
    others, _ = world.member(agency, **data)
    world.signed_in(others)
    # Somebody typed my address for theirs: that I am told of, as my address; whose letter it was is theirs.
    person = world.person()
    show_letter(person, world.letter(agency, **data, contracts=("V-of-others",)))

    with world.reading() as db:
        told = json.dumps(steps.export(db, world.deps, whole(world, mine)), default=str, ensure_ascii=False)

    for value in (*data.values(), others.email or "none", "V-of-others"):
        assert value not in told


# --- erase -----------------------------------------------------------------------------------------------------------


def a_life(world: World) -> tuple[str, str, set[str]]:
    """Somebody with two letters, merged, at two agencies; a portal; a pending reset. Email, sub and all that is theirs."""
    data, contracts = rare(), [secrets.token_hex(8), secrets.token_hex(8)]
    first, second = world.letter(**data, contracts=(contracts[0],)), world.letter(**data, contracts=(contracts[1],))
    person = world.person()
    ask_for_account(world, first, person=person)
    confirm(world, person, first.email)
    portal = world.portal(first)
    person.open(portal.authorize_url())
    portal.redeem(person.sent_to)
    to_merge(world, second, first.email or "", person=person)
    person.submit(password=STRONG)
    ask_reset(world.person(), first)
    # Another person's slip of the finger: their flow holds this address.
    ask_for_account(world, world.letter(email="x@exemple.org"), email=f"{(first.email or '').upper()}.fr")
    with world.reading() as db:
        membership = select(Membership.account_id).where(Membership.provisional_account_id == first.id)
        account_id = db.scalars(membership).one()
        digests = db.execute(select(Account.password_hash).where(Account.id == account_id)).scalars().all()
    marks = {first.email or "", second.email or "", first.identifier, second.identifier, *contracts}
    return first.email or "", account_id, {*marks, *data.values(), *digests}


def test_of_an_erased_person_the_database_holds_the_sub_and_no_more(world: World) -> None:
    email, account_id, marks = a_life(world)
    before = dump(world)
    assert all(any(mark in row for rows in before.values() for row in rows) for mark in marks)

    erased = erase(world, account_id)

    assert erased is not None
    assert len(erased.agencies) == 2
    after = dump(world)
    left = {(table, mark) for table, rows in after.items() for row in rows for mark in marks if mark in row}
    # The pending mail of the other person's slip went to another address, which only begins like this one.
    assert {(table, mark) for table, mark in left if f"{email}.fr" not in str(after[table])} == set()
    kept = {holding.name for holding in HOLDINGS if holding.fate is not Fate.DELETED} | {"access_tokens"}
    assert {table for table, rows in after.items() if any(account_id in row for row in rows)} <= kept


def test_what_is_left_of_an_erased_person_is_gone_when_its_clocks_have_run(world: World) -> None:
    _, account_id, _ = a_life(world)
    erase(world, account_id)
    with world.server.app.app_context():
        sender.work(world.deps, Keyring(world.deps))

    world.clock.advance(days=2)
    with world.server.app.app_context():
        dict(purge.run(world.deps))
    rows = dump(world)
    assert {table for table in rows if any(account_id in row for row in rows[table])} <= {
        "accounts",
        "audit_events",
        "logout_notices",
    }


def test_an_erased_sub_is_never_given_again_and_the_address_is_free(world: World) -> None:
    letter, account_id = world.member()
    person = world.signed_in(letter)
    erase(world, account_id)

    assert person.open("/profile").path != "/profile"
    _, again = world.member(email=letter.email)
    assert again != account_id
    with world.reading() as db:
        tombstone = db.get(Account, account_id)
        assert (tombstone.state, tombstone.email) == ("erased", "")
    assert sign_in(world.person(), letter).path == "/profile", "the new account signs in"
    assert sign_in(world.person(), letter, password="").status == 400


@pytest.mark.parametrize("typed", ["{}", "ERASED:{}", "erased:{}", ""])
def test_nobody_signs_in_as_an_erased_person(world: World, typed: str) -> None:
    letter, account_id = world.member()
    erase(world, account_id)
    person = world.person()
    person.open(f"/login?{letter.query}")

    assert person.submit(identifier=typed.format(account_id), password=STRONG).status == 400


def test_erasing_twice_is_erasing_once(world: World) -> None:
    _, account_id = world.member()

    assert erase(world, account_id) is not None
    assert erase(world, account_id) is None


def test_a_letter_that_is_nobodys_account_is_erased_alone(world: World) -> None:
    agency = world.agency()
    mine, others = world.letter(agency), world.letter(agency)
    waiting = ask_for_account(world, others)
    show_letter(world.person(), mine)

    with world.transaction() as db:
        steps.erase(db, world.deps, steps.person_of_letter(mine.id))

    with world.reading() as db:
        assert db.get(ProvisionalAccount, mine.id) is None
        assert db.get(ProvisionalAccount, others.id) is not None
    assert confirm(world, waiting, others.email).path == "/profile"


def test_the_old_letter_of_an_erased_person_is_one_that_nobody_knows(world: World) -> None:
    letter, account_id = world.member()
    erase(world, account_id)

    page = show_letter(world.person(), letter)

    assert page.status == 400
    assert page.path == "/login/provisional"


def test_a_merge_and_an_erasure_at_once_leave_nothing_behind(world: World) -> None:
    """The merge has proven the account's password, the operator erases it: before, the letter was joined to a tombstone."""
    for _ in range(6):
        letter, account_id = world.member()
        other = world.letter()
        person = to_merge(world, other, letter.email or "")
        start = threading.Barrier(2)

        def merge(person: Any = person, start: threading.Barrier = start) -> None:
            start.wait()
            person.submit(password=STRONG)

        thread = threading.Thread(target=merge)
        thread.start()
        whose = whole(world, account_id)
        start.wait()
        with world.server.app.app_context(), transaction() as db:
            steps.erase(db, world.deps, whose)
        thread.join()

        with world.reading() as db:
            assert accounts.owner_of_letter(db, other.id) is None
            left = db.get(ProvisionalAccount, other.id)
            assert left is None or left.closed_at is None, "erased with the account, or still good"
