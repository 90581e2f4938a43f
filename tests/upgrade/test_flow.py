"""The upgrade as a value: every transition, and those that must not exist."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from idp.upgrade import flow as rules
from idp.upgrade.flow import State, UpgradeFlow

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LEA, ANA = "lea@exemple.org", "ana@exemple.org"


def a_flow(**changes: Any) -> UpgradeFlow:
    fresh = rules.start(
        flow_id="flow",
        agency_id="agency",
        provisional_account_id="letter",
        suggested_email=LEA,
        browser_digest="here",
        authorization_id="request",
        resumes=None,
        anew=False,
        now=NOON,
        expires_at=NOON + timedelta(days=7),
    )
    return replace(fresh, **changes)


def waiting(**changes: Any) -> UpgradeFlow:
    values = {
        "state": State.AWAITING_CONFIRMATION,
        "email": LEA,
        "email_key": LEA,
        "password_hash": "hash",
        "password_browser_digest": "here",
        "terms_id": "terms",
    }
    return a_flow(**{**values, **changes})


def resumed(left: UpgradeFlow | None, *, browser: str = "here", anew: bool = False) -> UpgradeFlow:
    return rules.start(
        flow_id="second",
        agency_id="agency",
        provisional_account_id="letter",
        suggested_email="suggested@exemple.org",
        browser_digest=browser,
        authorization_id="another request",
        resumes=left,
        anew=anew,
        now=NOON,
        expires_at=NOON + timedelta(days=7),
    )


def test_a_fresh_flow_waits_for_the_address_and_suggests_one() -> None:
    flow = resumed(None)

    assert (flow.state, flow.email, flow.email_key) == (State.AWAITING_EMAIL, "suggested@exemple.org", None)
    assert flow.password_hash is None


def test_a_resumed_flow_goes_on_where_the_other_was_left_for_its_own_request() -> None:
    flow = resumed(waiting())

    assert flow.state is State.AWAITING_CONFIRMATION
    assert (flow.email, flow.password_hash, flow.terms_id) == (LEA, "hash", "terms")
    assert (flow.id, flow.authorization_id) == ("second", "another request")


def test_the_code_alone_suffices_only_where_the_password_was_chosen() -> None:
    assert resumed(waiting(), browser="here").code_suffices
    assert not resumed(waiting(), browser="elsewhere").code_suffices
    assert not a_flow().code_suffices


def test_starting_anew_keeps_the_address_and_nothing_else() -> None:
    flow = resumed(waiting(), anew=True)

    assert (flow.state, flow.email) == (State.AWAITING_EMAIL, LEA)
    assert flow.password_hash is flow.terms_id is flow.password_browser_digest is None


def test_a_flow_left_at_the_merge_is_asked_the_address_again() -> None:
    assert resumed(a_flow(state=State.HANDED_TO_MERGE, email=LEA, email_key=LEA)).state is State.AWAITING_EMAIL


@pytest.mark.parametrize("state", sorted(rules.OPEN))
def test_an_address_may_be_chosen_from_every_open_state(state: State) -> None:
    after = rules.choose_address(a_flow(state=state), email=ANA, email_key=ANA, is_strong=False)

    assert (after.state, after.email) == (State.AWAITING_PASSWORD, ANA)


def test_another_address_voids_the_password_and_the_terms() -> None:
    after = rules.choose_address(waiting(), email=ANA, email_key=ANA, is_strong=False)

    assert after.password_hash is after.terms_id is after.password_browser_digest is None


def test_the_same_address_in_other_letters_keeps_the_password() -> None:
    after = rules.choose_address(waiting(), email="Lea@exemple.org", email_key=LEA, is_strong=False)

    assert (after.state, after.email, after.password_hash) == (State.AWAITING_CONFIRMATION, "Lea@exemple.org", "hash")


def test_somebodys_address_hands_over_to_merge_and_keeps_no_password() -> None:
    after = rules.choose_address(waiting(), email=LEA, email_key=LEA, is_strong=True)

    assert (after.state, after.password_hash) == (State.HANDED_TO_MERGE, None)


def test_a_chosen_password_waits_for_the_proof_of_the_address() -> None:
    after = rules.choose_password(a_flow(state=State.AWAITING_PASSWORD), password_hash="hash", terms_id="terms")

    assert (after.state, after.password_browser_digest) == (State.AWAITING_CONFIRMATION, "here")


def test_a_confirmed_flow_keeps_no_password() -> None:
    after = rules.confirm(waiting(), account_id="account", followed_at=None)

    assert (after.state, after.account_id, after.password_hash) == (State.COMPLETED, "account", None)


def test_an_address_taken_while_the_mail_was_in_flight_leads_to_merge() -> None:
    after = rules.confirm(waiting(), account_id=None, followed_at=None)

    assert (after.state, after.account_id, after.password_hash) == (State.HANDED_TO_MERGE, None, None)


def test_only_a_flow_at_the_merge_goes_back_to_the_address() -> None:
    assert rules.back_to_address(a_flow(state=State.HANDED_TO_MERGE)).state is State.AWAITING_EMAIL
    assert rules.back_to_address(waiting()) == waiting()


def test_every_change_is_a_new_version() -> None:
    flow = waiting()

    for after in (
        rules.choose_address(flow, email=ANA, email_key=ANA, is_strong=False),
        rules.choose_address(flow, email=LEA, email_key=LEA, is_strong=False),
        rules.choose_address(flow, email=LEA, email_key=LEA, is_strong=True),
        rules.choose_password(flow, password_hash="other", terms_id="terms"),
        rules.confirm(flow, account_id="account", followed_at=NOON),
        rules.confirm(flow, account_id=None, followed_at=None),
    ):
        assert after.version == flow.version + 1


def test_no_password_is_in_a_flows_repr() -> None:
    assert "hash" not in repr(waiting(password_hash="the-hash"))


def test_ended_states_are_not_open() -> None:
    assert not a_flow(state=State.COMPLETED).open
    assert not a_flow(state=State.CANCELLED).open
