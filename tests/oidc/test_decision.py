"""The decision on an authorization request, apart from everything else: what is answered without a look is answered alike."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from idp.oidc.authorize.flow import Decision, Request, any_sign_in_answers, decide
from idp.sessions.store import SignedIn

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
PLAIN = Request(
    client_id="portal",
    redirect_uri="https://portail.exemple.fr/retour",
    response_type="code",
    response_mode="query",
    scope="openid",
    state="",
    nonce="",
    code_challenge="",
    prompts=(),
    sign_in_after=None,
    subjects=(),
    login_hint="",
    ui_locales="",
    agency_id=None,
    claims={},
    resources=(),
)
ASKED = [
    replace(PLAIN, prompts=prompts, sign_in_after=after, subjects=subjects)
    for prompts, after, subjects in product(
        [(), ("none",), ("login",), ("consent",), ("select_account",), ("consent", "select_account")],
        [None, NOW - timedelta(minutes=10), NOW],
        [(), ("somebody",), ("",)],
    )
]
SIGN_INS = [
    SignedIn("id", "sid", "account", "anne@exemple.fr", authenticated_at=NOW - age, last_seen_at=NOW)
    for age in (timedelta(0), timedelta(minutes=5), timedelta(days=29))
]


@pytest.mark.parametrize("consented", [True, False])
def test_what_is_said_to_be_answered_by_any_sign_in_is_answered_by_each(consented: bool) -> None:
    said = [request for request in ASKED if any_sign_in_answers(request, consented=consented)]
    assert bool(said) is consented
    for request, signed_in in product(said, SIGN_INS):
        told = decide(request, signed_in, subject="account", consented=consented, arrived_at=NOW)
        assert told is Decision.ANSWER, request


def test_what_some_sign_in_does_not_answer_is_never_answered_without_a_look() -> None:
    for request in ASKED:
        told = {decide(request, signed_in, subject="account", consented=True, arrived_at=NOW) for signed_in in SIGN_INS}
        assert any_sign_in_answers(request, consented=True) is (told == {Decision.ANSWER}), request
