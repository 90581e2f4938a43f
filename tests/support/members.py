"""People whose account is up to date: as the upgrade leaves them, or led through it.

Most tests begin with somebody who has an account. The rows that count are written at once, through the functions that
the upgrade's last step writes them with; going through the whole flow costs four times as much, and mail, thousands of times.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from idp.accounts import addresses
from idp.accounts import store as accounts
from idp.audit import store as audit
from idp.sessions import store as sessions
from idp.terms import store as terms
from idp.upgrade import proof, steps

if TYPE_CHECKING:
    from tests.support.world import Letter, World


def join(world: World, held: Letter, password: str) -> str:
    """What the end of an upgrade leaves: account, membership, accepted terms, used letter, sign-in. Returns the account's id."""
    assert held.email
    deps, now = world.deps, world.clock()
    account_id, password_hash = deps.new_token(128), deps.hasher.hash(password)
    with world.transaction() as db:
        terms_id = terms.current_id(db)
        assert terms_id is not None
        assert accounts.create_account(
            db,
            account_id=account_id,
            email=held.email,
            email_key=addresses.key(held.email),
            password_hash=password_hash,
            now=now,
        )
        letter = accounts.letter(db, held.id)
        assert accounts.close_letter(db, letter.id, now=now)
        assert accounts.join(
            db, membership_id=deps.new_id(), account_id=account_id, letter=letter, origin="upgrade", now=now
        )
        terms.accept(db, acceptance_id=deps.new_id(), account_id=account_id, terms_id=terms_id, now=now)
        browser, token = secrets.token_hex(32), deps.new_token(256)
        sessions.start(db, deps, account_id=account_id, email=held.email, browser_digest=browser, token=token)
        audit.record(db, deps, "upgrade.completed", subject=account_id, agency_id=held.agency_id)
    return account_id


def upgrade(world: World, held: Letter, password: str) -> str:
    """The same through the flow's own steps, which leave their flow, link, mail and audit too. Returns the account's id."""
    assert held.email
    browser = secrets.token_hex(32)
    with world.server.app.app_context():
        flow = steps.prove_letter(
            world.deps,
            agency_id=held.agency_id,
            identifier=held.identifier,
            password=held.password,
            browser_digest=browser,
            network="192.0.2.1",
            authorization_id=None,
        ).flow
        flow = steps.choose_address(
            world.deps, flow_id=flow.id, browser_digest=browser, version=flow.version, typed=held.email
        ).flow
        flow = steps.choose_password(
            world.deps,
            flow_id=flow.id,
            browser_digest=browser,
            version=flow.version,
            new_password=password,
            confirmation=password,
            terms_accepted=True,
            language="fr",
        ).flow
        done = proof.confirm_by_code(
            world.deps,
            flow_id=flow.id,
            browser_digest=browser,
            code=world.code_for(held.email),
            password="",
            network="192.0.2.1",
        )
    assert done.flow.account_id is not None
    return done.flow.account_id
