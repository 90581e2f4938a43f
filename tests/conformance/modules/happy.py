"""Sign-ins that must simply work, with whatever a relying party may send along."""

from __future__ import annotations

from tests.conformance.modules import STATIC, WITHOUT_CODE, module
from tests.conformance.suite.conditions import authorization, id_token
from tests.conformance.suite.run import Run


@module("oidcc-server")
def server(run: Run) -> None:
    flow = run.sign_in(run.client())
    for token in (flow.front, flow.back):
        if token is not None:
            run.should(id_token.ensure_id_token_does_not_contain_name, token.claims)
            run.should(id_token.ensure_id_token_does_not_contain_non_requested_claims, token.claims)


@module("oidcc-server-client-secret-post")
def server_client_secret_post(run: Run) -> None:
    run.sign_in(run.client())


@module("oidcc-ensure-post-request-succeeds")
def ensure_post_request_succeeds(run: Run) -> None:
    run.sign_in(run.client(), method="POST")


@module("oidcc-ensure-request-with-unknown-parameter-succeeds")
def ensure_request_with_unknown_parameter_succeeds(run: Run) -> None:
    run.sign_in(run.client(), extra="foobar")


@module("oidcc-ensure-request-with-valid-pkce-succeeds")
def ensure_request_with_valid_pkce_succeeds(run: Run) -> None:
    run.sign_in(run.client(), **run.pkce())


@module("oidcc-display-page")
def display_page(run: Run) -> None:
    run.sign_in(run.client(), display="page")


@module("oidcc-display-popup")
def display_popup(run: Run) -> None:
    run.sign_in(run.client(), display="popup")


@module("oidcc-login-hint")
def login_hint(run: Run) -> None:
    host = run.issuer.split("/")[2].split(":")[0]
    run.sign_in(run.client(), login_hint=run.setting.of("server").get("login_hint", f"buffy@{host}"))


@module("oidcc-ui-locales")
def ui_locales(run: Run) -> None:
    run.sign_in(run.client(), ui_locales=run.setting.of("server").get("ui_locales", "se"))


@module("oidcc-claims-locales")
def claims_locales(run: Run) -> None:
    run.sign_in(run.client(), claims_locales="se")


@module("oidcc-ensure-request-with-acr-values-succeeds")
def ensure_request_with_acr_values_succeeds(run: Run) -> None:
    known = run.metadata.get("acr_values_supported")
    asked = " ".join(known) if known else run.setting.of("server").get("acr_values", "1 2")
    flow = run.sign_in(run.client(), acr_values=asked)
    run.should(id_token.validate_id_token_acr_claim_against_acr_values_request, flow.claims, asked)


@module(
    "oidcc-ensure-request-without-nonce-succeeds-for-code-flow",
    response_type=(*WITHOUT_CODE, "code id_token", "code id_token token"),
)
def ensure_request_without_nonce_succeeds_for_code_flow(run: Run) -> None:
    run.sign_in(run.client(), nonce=None)


@module("oidcc-ensure-request-without-nonce-fails", response_type=("code", "code token"))
def ensure_request_without_nonce_fails(run: Run) -> None:
    request = run.request(run.client(), nonce=None)
    answer = run.refusal(request)
    authorization.check_error_from_authorization_endpoint(answer, "invalid_request")


@module("oidcc-response-type-missing")
def response_type_missing(run: Run) -> None:
    """Without a response type nobody knows where the answer belongs, so query and fragment are both good."""
    request = run.request(run.client(), response_type=None)
    with run.fresh_arrivals() as arrivals:
        run.open(request)
        if run.browser.pictures:
            authorization.expect_error_page(run.browser.page, run.browser.pictures)
            return
        authorization.expect_redirect_uri_has_been_called(arrivals)
        arrival = arrivals[-1]
        if run.variant.response_mode == "form_post":
            answer = run.read(arrivals, request["redirect_uri"])
        else:
            answer = authorization.read_answer(arrival, "query" if "error" in arrival.query else "fragment")
            authorization.check_iss_in_authorization_response(answer, run.metadata)
    run.check_refusal(answer, request)
    authorization.check_error_from_authorization_endpoint(answer, "invalid_request", "unsupported_response_type")


@module("oidcc-idtoken-signature", client_registration=STATIC)
def idtoken_signature(run: Run) -> None:
    _signed_with_rs256(run)


@module("oidcc-idtoken-rs256", client_registration=STATIC)
def idtoken_rs256(run: Run) -> None:
    _signed_with_rs256(run, id_token_signed_response_alg="RS256")


def _signed_with_rs256(run: Run, **registered: str) -> None:
    flow = run.sign_in(run.client(**registered))
    for token in (flow.front, flow.back):
        if token is not None:
            id_token.ensure_id_token_contains_kid(token)
            id_token.check_id_token_signature_algorithm(token, "RS256")


@module(
    "oidcc-idtoken-unsigned",
    client_registration=STATIC,
    response_type=(*WITHOUT_CODE, "code id_token", "code id_token token"),
)
def idtoken_unsigned(run: Run) -> None:
    algorithms = run.metadata["id_token_signing_alg_values_supported"]
    run.skip_unless("none" in algorithms, f"unsigned ID tokens are not offered: {algorithms}")
    flow = run.sign_in(run.client(id_token_signed_response_alg="none"))
    assert flow.back is not None
    id_token.check_id_token_signature_algorithm(flow.back, "none")
