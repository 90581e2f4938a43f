"""A second request in a browser that has signed in: `prompt`, `max_age`, `id_token_hint`."""

from __future__ import annotations

import time

from tests.conformance.modules import module
from tests.conformance.suite.conditions import authorization, id_token
from tests.conformance.suite.run import Flow, Run


@module("oidcc-prompt-login")
def prompt_login(run: Run) -> None:
    client = run.client()
    first = run.sign_in(client)
    run.until_after(int(time.time()), 0)
    second = run.sign_in(client, prompt="login")
    authorization.expect_login_page(run.browser.pictures)
    id_token.check_second_id_token_auth_time_is_later_if_present(first.claims, second.claims)
    id_token.check_id_token_sub_consistent_for_second_authorization(first.claims, second.claims)


@module("oidcc-prompt-none-not-logged-in")
def prompt_none_not_logged_in(run: Run) -> None:
    answer = run.refusal(run.request(run.client(), prompt="none"))
    authorization.check_error_from_authorization_endpoint_is_one_that_required_a_user_interface(answer)


@module("oidcc-prompt-none-logged-in")
def prompt_none_logged_in(run: Run) -> None:
    client = run.client()
    _same_sign_in(run.sign_in(client), run.sign_in(client, prompt="none"))


@module("oidcc-id-token-hint")
def id_token_hint(run: Run) -> None:
    client = run.client()
    first = run.sign_in(client)
    _same_sign_in(first, run.sign_in(client, prompt="none", id_token_hint=first.id_token))


@module("oidcc-max-age-1")
def max_age_1(run: Run) -> None:
    client = run.client()
    first = run.sign_in(client)
    run.until_after(int(time.time()), 1)
    second = run.sign_in(client, max_age="1")
    authorization.expect_login_page(run.browser.pictures)
    id_token.check_id_token_auth_time_claim_present_due_to_max_age(second.claims)
    id_token.check_second_id_token_auth_time_is_later_if_present(first.claims, second.claims)
    id_token.check_id_token_auth_time_is_recent_if_present(second.claims)
    id_token.check_id_token_sub_consistent_for_second_authorization(first.claims, second.claims)


@module("oidcc-max-age-10000")
def max_age_10000(run: Run) -> None:
    client = run.client()
    first = run.sign_in(client, max_age="15000")
    second = run.sign_in(client, max_age="10000")
    for flow in (first, second):
        id_token.check_id_token_auth_time_claim_present_due_to_max_age(flow.claims)
    _same_sign_in(first, second)


def _same_sign_in(first: Flow, second: Flow) -> None:
    id_token.check_id_token_auth_time_claims_same_if_present(first.claims, second.claims)
    id_token.check_id_token_sub_consistent_for_second_authorization(first.claims, second.claims)
