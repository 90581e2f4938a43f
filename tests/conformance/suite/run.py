"""What a module works with: one provider, one variant, a browser with nothing in it, and a client of its own.

The methods are the steps of a sign-in as a relying party takes them, each with the conditions that always hold; a module
says what is different. `run.should(condition, …)` is for what the official suite only warns of.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

import httpx2 as httpx

from tests.conformance.suite import jose
from tests.conformance.suite.browser import Arrival, Browser
from tests.conformance.suite.client import Client, Registrar
from tests.conformance.suite.conditions import authorization, http, id_token, metadata, tokens, userinfo
from tests.conformance.suite.conditions.authorization import Answer
from tests.conformance.suite.findings import Failed, Finding, Skipped
from tests.conformance.suite.relying_party import RelyingParty
from tests.conformance.suite.setting import Setting, Variant

Request = dict[str, str]


@dataclass
class Flow:
    """A sign-in that went well. front, back: the ID tokens of the authorization and of the token endpoint."""

    client: Client
    request: Request
    answer: Answer
    front: jose.Token | None = None
    back: jose.Token | None = None
    tokens: dict[str, Any] = field(default_factory=dict)

    @property
    def claims(self) -> dict[str, Any]:
        """Of the ID token; of the token endpoint's where there are two."""
        token = self.back or self.front
        assert token is not None
        return token.claims

    @property
    def id_token(self) -> str:
        token = self.back or self.front
        assert token is not None
        return token.text

    @property
    def access_token(self) -> str | None:
        return self.tokens.get("access_token") or self.answer.get("access_token")


class Run:
    def __init__(self, setting: Setting, relying_party: RelyingParty, variant: Variant, module: str) -> None:
        self.setting = setting
        self.relying_party = relying_party
        self.variant = variant
        self.module = module
        self.warnings: list[Finding] = []
        self.http = setting.http
        self.browser = Browser(setting.trust, relying_party.base, setting.browser_blocks(module))
        self.path = f"/test/a/{setting.alias}" if variant.static else f"/test/{secrets.token_hex(8)}"
        self.redirect_uri = f"{relying_party.base}{self.path}/callback"
        self._verifier = secrets.token_urlsafe(48)
        self._registrar = Registrar(self)

    def close(self) -> None:
        """Delete the clients that were registered (OIDC plans ask for RFC 7592) and close the browser."""
        try:
            self._registrar.delete_all()
        finally:
            self.browser.close()

    def should(self, condition: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a condition; what it finds is a warning."""
        try:
            return condition(*args, **kwargs)
        except Failed as failed:
            self.warnings.append(Finding("warned", str(failed)))
            return None

    def skip_unless(self, supported: object, why: str) -> None:
        if not supported:
            raise Skipped(why)

    def pause(self, seconds: float) -> None:
        """Wait as long as the official suite does, or briefly (CONFORMANCE_WAITS=official)."""
        time.sleep(self.setting.wait(seconds))

    def within(self, seconds: float, condition: Callable[[], Any]) -> Any:
        """What a condition returns as soon as it holds; its failure when it does not in time."""
        until = time.monotonic() + seconds
        while True:
            try:
                return condition()
            except Failed:
                if time.monotonic() > until:
                    raise
                time.sleep(0.5)

    def until_after(self, instant: int, seconds: int) -> None:
        """Wait until this many whole seconds have gone by: token times have no fractions."""
        while int(time.time()) <= instant + seconds:
            time.sleep(0.02)

    # --- the provider ------------------------------------------------------------------------------------------------

    @cached_property
    def metadata(self) -> dict[str, Any]:
        response = self.http.get(self.setting.discovery_url)
        http.ensure_http_status_code_is_200(response)
        http.ensure_content_type_json(response)
        return dict(response.json())

    @property
    def issuer(self) -> str:
        return str(self.metadata["issuer"])

    def keys(self) -> list[dict[str, Any]]:
        """The provider's key set, fetched anew and checked."""
        response = self.http.get(self.metadata["jwks_uri"])
        http.ensure_http_status_code_is_200(response)
        keys = list(response.json()["keys"])
        metadata.validate_server_jwks(keys)
        metadata.check_for_key_id_in_server_jwks(keys)
        metadata.check_distinct_key_id_value_in_server_jwks(keys)
        return keys

    # --- clients -----------------------------------------------------------------------------------------------------

    def client(self, **changes: Any) -> Client:
        """The module's client: registered with these changes, or the static one."""
        return self._registrar.client(changes)

    def second_client(self, **changes: Any) -> Client:
        return self._registrar.client(changes, second=True)

    def register(self, **changes: Any) -> httpx.Response:
        """A registration request and whatever is answered."""
        return self._registrar.ask(self._registrar.registration(changes))

    # --- the authorization endpoint ----------------------------------------------------------------------------------

    def request(self, client: Client, **changes: str | None) -> Request:
        """An authorization request of the variant; a change to None leaves a parameter out."""
        values: dict[str, str | None] = {
            "client_id": client.id,
            "redirect_uri": client.redirect_uri,
            "scope": "openid",
            "state": secrets.token_urlsafe(12),
            "nonce": secrets.token_urlsafe(12),
            "response_type": self.variant.response_type,
        }
        if self.variant.response_mode == "form_post":
            values["response_mode"] = "form_post"
        if self.variant.client_auth_type == "none" and self.variant.includes("code"):
            values |= self.pkce()
        return {name: value for name, value in (values | changes).items() if value is not None}

    def pkce(self) -> dict[str, str]:
        """RFC 7636. Public clients of our provider must; the official suite sends it in one module only."""
        digest = hashlib.sha256(self._verifier.encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        return {"code_challenge": challenge, "code_challenge_method": "S256"}

    def open(self, request: Request, *, method: str = "GET") -> None:
        """Send the browser to the authorization endpoint and let it follow its instructions."""
        endpoint = self.metadata["authorization_endpoint"]
        if method == "POST":
            self.browser.visit(endpoint, form=request)
        else:
            self.browser.visit(f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(request)}")

    @contextmanager
    def fresh_arrivals(self) -> Iterator[list[Arrival]]:
        """What comes to the relying party from now on."""
        self.browser.arrivals.clear()
        self.browser.pictures.clear()
        yield self.browser.arrivals

    def answer(self, request: Request, *, method: str = "GET", redirect_uri: str | None = None) -> Answer:
        """Make a request that must be answered at the redirect URI; the parameters of the answer."""
        with self.fresh_arrivals() as arrivals:
            self.open(request, method=method)
            return self.read(arrivals, redirect_uri or request["redirect_uri"])

    def read(self, arrivals: list[Arrival], redirect_uri: str) -> Answer:
        """The answer that arrived: at the right address, in the right place, from this provider."""
        authorization.expect_redirect_uri_has_been_called(arrivals)
        arrival = arrivals[-1]
        authorization.check_matching_callback_parameters(arrival, redirect_uri)
        where = self.variant.answered_in
        if where == "form":
            authorization.check_callback_http_method_is_post(arrival)
            authorization.check_callback_content_type_is_form_url_encoded(arrival)
        if where != "query":
            authorization.reject_auth_code_in_url_query(arrival)
            authorization.reject_error_in_url_query(arrival)
        answer = authorization.read_answer(arrival, where)
        authorization.check_iss_in_authorization_response(answer, self.metadata)
        return answer

    def refusal(self, request: Request, **options: Any) -> Answer:
        """Make a request that must be refused at the redirect URI; the error."""
        answer = self.answer(request, **options)
        self.check_refusal(answer, request)
        return answer

    def check_refusal(self, answer: Answer, request: Request) -> None:
        authorization.check_state_in_authorization_response(answer, request["state"])
        authorization.ensure_error_from_authorization_endpoint_response(answer)
        self.should(authorization.check_for_unexpected_parameters_in_error_response, answer)
        self._check_error_words(answer)

    # --- a sign-in ---------------------------------------------------------------------------------------------------

    def sign_in(self, client: Client, *, method: str = "GET", **changes: str | None) -> Flow:
        """The whole of a sign-in: request, answer, tokens, userinfo."""
        request = self.request(client, **changes)
        return self.complete(client, request, self.answer(request, method=method))

    def complete(self, client: Client, request: Request, answer: Answer, **token_request: str) -> Flow:
        """From the answer on: everything that always holds."""
        flow = self.accept(client, request, answer)
        if "code" in answer:
            self.redeem(flow, **token_request)
        if flow.access_token:
            response = self.userinfo(flow.access_token)
            http.ensure_http_status_code_is_200(response)
        return flow

    def accept(self, client: Client, request: Request, answer: Answer) -> Flow:
        """The answer of the authorization endpoint, checked; nothing redeemed yet."""
        authorization.check_if_authorization_endpoint_error(answer)
        authorization.check_state_in_authorization_response(answer, request["state"])
        authorization.check_parts_of_authorization_response(answer, request["response_type"])
        flow = Flow(client, request, answer)
        if "code" in answer:
            authorization.ensure_minimum_authorization_code_length(answer["code"])
            authorization.ensure_minimum_entropy(answer["code"])
        if "id_token" in answer:
            flow.front = id_token.extract_id_token(answer)
            self.check_id_token(flow.front, client, request)
            if "code" in answer:
                id_token.validate_hash(flow.front, "c_hash", answer["code"], required=True)
            if "access_token" in answer:
                id_token.validate_hash(flow.front, "at_hash", answer["access_token"], required=True)
        return flow

    def redeem(self, flow: Flow, **changes: str) -> None:
        """Exchange the code and check what comes."""
        answer = self.check_tokens(self.exchange(flow, **changes))
        flow.tokens = answer
        flow.back = id_token.extract_id_token(answer)
        self.check_id_token(flow.back, flow.client, flow.request)
        id_token.validate_hash(flow.back, "at_hash", answer["access_token"], required=False)
        id_token.validate_hash(flow.back, "c_hash", flow.answer["code"], required=False)
        if flow.front is not None:
            id_token.verify_id_token_sub_consistent_hybrid_flow(flow.front.claims, flow.back.claims)

    def check_tokens(self, response: httpx.Response) -> dict[str, Any]:
        """A good answer of the token endpoint."""
        answer = tokens.check_if_token_endpoint_response_error(response)
        http.ensure_content_type_json(response)
        http.check_token_endpoint_cache_headers(response)
        tokens.check_for_access_token_value(answer)
        self.should(tokens.extract_expires_in_from_token_endpoint_response, answer)
        tokens.validate_expires_in(answer)
        return answer

    def check_id_token(self, token: jose.Token, client: Client, request: Request) -> None:
        """What holds for every ID token."""
        claims = token.claims
        id_token.validate_id_token(claims, issuer=self.issuer, client_id=client.id)
        id_token.validate_id_token_standard_claims(claims)
        id_token.validate_id_token_nonce(claims, request.get("nonce"))
        id_token.validate_id_token_acr_claim_against_request(claims, client.asked_claims(request))
        id_token.check_for_subject_in_id_token(claims)
        if client.unsigned_id_tokens:
            id_token.check_id_token_signature_algorithm(token, "none")
            id_token.ensure_unsigned(token)
        else:
            id_token.validate_id_token_signature(token, self.keys())

    # --- the token endpoint and userinfo -----------------------------------------------------------------------------

    def exchange(self, flow: Flow, *, client: Client | None = None, **changes: str) -> httpx.Response:
        form = {
            "grant_type": "authorization_code",
            "code": flow.answer["code"],
            "redirect_uri": flow.request["redirect_uri"],
        }
        if "code_challenge" in flow.request:
            form["code_verifier"] = self._verifier
        return self.token_request(client or flow.client, form | changes)

    def refresh(self, client: Client, refresh_token: str, **more: str) -> httpx.Response:
        return self.token_request(client, {"grant_type": "refresh_token", "refresh_token": refresh_token, **more})

    def token_request(self, client: Client, form: dict[str, str], *, audience: str = "") -> httpx.Response:
        """audience: of a client assertion; the token endpoint, as in the official suite, unless given."""
        endpoint = self.metadata["token_endpoint"]
        form, headers = client.authenticate(form, audience or endpoint)
        return self.http.post(endpoint, data=form, headers=headers)

    def check_token_error(self, response: httpx.Response, *expected: str) -> None:
        """An error of the token endpoint, as RFC 6749 5.2 has it."""
        tokens.check_token_endpoint_http_status_is_400_allowing_401_for_invalid_client(response)
        http.ensure_content_type_json(response)
        answer = tokens.check_error_from_token_endpoint_response(response, *expected)
        http.validate_error_from_token_endpoint_response_error(answer)
        self._check_error_words(answer)

    def _check_error_words(self, error: dict[str, Any]) -> None:
        self.should(http.check_error_description_contains_crlftab, error)
        http.validate_error_description(error)
        http.validate_error_uri(error)

    def userinfo(self, access_token: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {access_token}"}
        return self.http.get(self.metadata["userinfo_endpoint"], headers=headers)

    def check_userinfo(self, response: httpx.Response, flow: Flow) -> dict[str, Any]:
        """A good answer of userinfo, about the person of the ID token."""
        http.ensure_http_status_code_is_200(response)
        http.ensure_content_type_json(response)
        claims = userinfo.extract_userinfo(response)
        self.check_userinfo_claims(claims, flow)
        return claims

    def check_userinfo_claims(self, claims: dict[str, Any], flow: Flow) -> None:
        userinfo.validate_userinfo_standard_claims(claims)
        userinfo.ensure_userinfo_contains_sub(claims)
        userinfo.ensure_userinfo_updated_at_valid(claims)
        userinfo.ensure_claim_names_and_claim_sources_match(claims)
        for token in (flow.front, flow.back):
            if token is not None:
                userinfo.verify_userinfo_and_id_token_same_sub(claims, token.claims)
