"""The relying party as a client: how it registers (OIDC Registration, RFC 7592) and authenticates (OIDC Core 9)."""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

import httpx2 as httpx

from tests.conformance.suite import jose
from tests.conformance.suite.conditions import metadata, registration
from tests.conformance.suite.findings import Skipped

if TYPE_CHECKING:
    from tests.conformance.suite.run import Run

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass
class Client:
    """metadata: as the provider registered it, or the section of the configuration. key: to sign with."""

    id: str
    secret: str | None
    auth_method: str
    redirect_uri: str
    metadata: dict[str, Any] = field(default_factory=dict)
    key: jose.RSAKey = field(default_factory=jose.key_pair)

    @property
    def unsigned_id_tokens(self) -> bool:
        return self.metadata.get("id_token_signed_response_alg") == "none"

    def asked_claims(self, request: dict[str, str]) -> dict[str, Any] | None:
        return json.loads(request["claims"]) if "claims" in request else None

    def authenticate(self, form: dict[str, str], audience: str) -> tuple[dict[str, str], dict[str, str]]:
        """The form and headers of a request in which the client proves itself."""
        if self.auth_method == "client_secret_basic":
            # RFC 6749 2.3.1: both parts are form-encoded first.
            pair = f"{quote_plus(self.id)}:{quote_plus(self.secret or '')}"
            return form, {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
        if self.auth_method == "client_secret_post":
            return form | {"client_id": self.id, "client_secret": self.secret or ""}, {}
        if self.auth_method == "none":
            return form | {"client_id": self.id}, {}
        claims = jose.assertion(self.id, audience)
        if self.auth_method == "client_secret_jwt":
            text = jose.signed(claims, jose.OctKey.import_key(self.secret or ""), "HS256")
        else:
            text = jose.signed(claims, self.key)
        return form | {"client_assertion_type": ASSERTION, "client_assertion": text}, {}


class Registrar:
    """Makes the clients of a run, and removes those that it registered."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._registered: list[Client] = []

    def client(self, changes: dict[str, Any], *, second: bool = False) -> Client:
        method = self._run.variant.client_auth_type
        metadata.ensure_server_configuration_supports_client_auth(self._run.metadata, method)
        if self._run.variant.static:
            return self._static("client2" if second else "client")
        asked = self.registration(changes)
        answer = registration.check_registration_response(self.ask(asked))
        client = Client(
            answer["client_id"],
            answer.get("client_secret"),
            answer.get("token_endpoint_auth_method", method),
            asked["redirect_uris"][0],
            answer,
        )
        self._registered.append(client)
        return client

    def _static(self, section: str) -> Client:
        if self._run.variant.client_auth_type == "client_secret_post":
            section = "client_secret_post"
        known = self._run.setting.of(section)
        if not known:
            raise Skipped(f"the configuration has no {section}")
        return Client(
            known["client_id"],
            known.get("client_secret"),
            self._run.variant.client_auth_type,
            self._run.redirect_uri,
            known,
        )

    def registration(self, changes: dict[str, Any]) -> dict[str, Any]:
        """The metadata of a registration request; a change to None leaves a member out."""
        variant = self._run.variant
        grants = ["authorization_code"] if variant.includes("code") else []
        if variant.includes("token") or variant.includes("id_token"):
            grants.append("implicit")
        name = self._run.setting.of("client").get("client_name", "relying party")
        values: dict[str, Any] = {
            "client_name": f"{name} {secrets.token_hex(4)}",
            "grant_types": grants,
            "response_types": [variant.response_type],
            "redirect_uris": [self._run.redirect_uri],
            "token_endpoint_auth_method": variant.client_auth_type,
            "jwks": jose.public(jose.key_pair()),
            "contacts": ["certification@oidf.org"],
        }
        return {member: value for member, value in (values | changes).items() if value is not None}

    def ask(self, asked: dict[str, Any]) -> httpx.Response:
        metadata.check_disc_endpoint(self._run.metadata, "registration_endpoint")
        token = self._run.setting.of("client").get("initial_access_token")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self._run.http.post(self._run.metadata["registration_endpoint"], json=asked, headers=headers)

    def delete_all(self) -> None:
        while self._registered:
            known = self._registered.pop().metadata
            if "registration_client_uri" in known:
                headers = {"Authorization": f"Bearer {known['registration_access_token']}"}
                response = self._run.http.delete(known["registration_client_uri"], headers=headers)
                self._run.should(registration.unregister_dynamically_registered_client, response)
