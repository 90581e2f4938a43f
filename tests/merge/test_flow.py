"""The merge and the reset as values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from idp.merge import flow as merge
from idp.merge.flow import MergeFlow
from idp.reset import flow as reset
from idp.reset.flow import ResetFlow

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def a_merge() -> MergeFlow:
    return MergeFlow(
        id="merge",
        version=1,
        state=merge.State.AWAITING_PASSWORD,
        agency_id="agency",
        upgrade_flow_id="upgrade",
        provisional_account_id="letter",
        browser_digest="here",
        authorization_id=None,
        email="lea@exemple.org",
        email_key="lea@exemple.org",
        account_id=None,
        created_at=NOON,
        expires_at=NOON + timedelta(days=7),
    )


def test_a_merge_names_its_account_only_when_it_is_done() -> None:
    after = merge.merged(a_merge(), account_id="account")

    assert (after.state, after.account_id, after.version) == (merge.State.MERGED, "account", 2)


def test_a_cancelled_merge_names_nobody() -> None:
    after = merge.cancelled(a_merge())

    assert (after.state, after.account_id, after.version) == (merge.State.CANCELLED, None, 2)


def test_a_completed_reset_keeps_the_way_on() -> None:
    before = ResetFlow(
        id="reset",
        version=1,
        state=reset.State.AWAITING_LINK,
        agency_id="agency",
        account_id="account",
        browser_digest="here",
        authorization_id="request",
        merge_flow_id="merge",
        email="lea@exemple.org",
        created_at=NOON,
        expires_at=NOON + timedelta(days=7),
    )

    after = reset.completed(before)

    assert (after.state, after.version) == (reset.State.COMPLETED, 2)
    assert (after.authorization_id, after.merge_flow_id) == ("request", "merge")
