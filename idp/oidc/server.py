"""Authlib, and the only module that imports it: which grant a portal's server asks for, and is the request whole.

Authlib's server classes validate in the right order; what is done then is ours (`token/steps.py`), because its
documented callbacks read, then write, and so redeem one code several times at once. Also ours, since Authlib 1.9.9
answers 500 or guesses (docs/decisions/0003-authlib.md): reading the body (form only, nothing from the query, nothing
twice), who the portal is (`authentication/`), and the words of errors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import AuthorizationServer, ClientMixin, OAuth2Request
from authlib.oauth2.rfc6749 import grants as authlib_grants
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge, create_s256_code_challenge
from authlib.oauth2.rfc7636.challenge import CODE_VERIFIER_PATTERN
from authlib.oauth2.rfc7662 import IntrospectionEndpoint

from idp.oidc.authentication.presented import Presented, presented
from idp.oidc.authentication.steps import authenticated
from idp.oidc.authorize import pushed
from idp.oidc.protocol import ProtocolError
from idp.oidc.provider import Provider
from idp.oidc.registration import metadata
from idp.oidc.registration.metadata import Client
from idp.oidc.responses import Answer, failure
from idp.oidc.token import inspection, steps
from idp.oidc.token.store import Code, Refresh

# Authlib refuses to build a request from a plain http address, which is what a provider behind a TLS proxy sees; the
# issuer's scheme is a setting that is checked at start, so the address here is a constant.
_ADDRESS = "https://provider.invalid/"
_OF_AUTHENTICATION = ("client_secret", "client_assertion", "client_assertion_type")
_METHODS = list(metadata.AUTH_METHODS)
INTROSPECTION_JWT = "application/token-introspection+jwt"


class Server:
    """The endpoints that a portal's server calls: token, introspection, revocation."""

    def __init__(self, provider: Provider) -> None:
        self._server = _AuthlibServer(provider)

    def token(self, pairs: Sequence[tuple[str, str]], authorization: Sequence[str]) -> Answer:
        """RFC 6749 3.2. pairs: the form's fields as sent. authorization: the Authorization headers as sent."""
        return self._answer(pairs, authorization, self._server.create_token_response)

    def introspect(self, pairs: Sequence[tuple[str, str]], authorization: Sequence[str], *, accept: str) -> Answer:
        """RFC 7662 2. accept: the Accept header, which may ask for a JWT (RFC 9701 4)."""
        name = "introspection-jwt" if INTROSPECTION_JWT in accept.lower() else "introspection"
        return self._answer(pairs, authorization, lambda r: self._server.create_endpoint_response(name, r))

    def revoke(self, pairs: Sequence[tuple[str, str]], authorization: Sequence[str]) -> Answer:
        """RFC 7009 2."""
        return self._answer(pairs, authorization, lambda r: self._server.create_endpoint_response("revocation", r))

    def push(self, pairs: Sequence[tuple[str, str]], authorization: Sequence[str]) -> Answer:
        """RFC 9126 2: a request is left here by whoever authenticates."""
        return self._answer(pairs, authorization, lambda request: self._server.push(request, pairs))

    def _answer(
        self, pairs: Sequence[tuple[str, str]], authorization: Sequence[str], endpoint: Callable[[Any], Answer]
    ) -> Answer:
        try:
            return endpoint(_request(pairs, authorization))
        except ProtocolError as error:
            return failure(error)


# --- the request -----------------------------------------------------------------------------------------------------


class _Request(OAuth2Request):  # type: ignore[misc]
    """A request read from its body alone: the query of a token request is not looked at (RFC 6749 3.2)."""

    def __init__(self, form: Mapping[str, str], proof: Presented | None, resources: tuple[str, ...]) -> None:
        super().__init__("POST", _ADDRESS)
        self.payload = BasicOAuth2Payload(dict(form))
        self.proof = proof
        self.resources = resources

    @property
    def form(self) -> Mapping[str, str]:
        return self.payload.data  # type: ignore[no-any-return]

    @property
    def args(self) -> Mapping[str, str]:
        return {}


def _request(pairs: Sequence[tuple[str, str]], authorization: Sequence[str]) -> _Request:
    """Raises ProtocolError for what is malformed, given twice, or authenticates in two ways at once."""
    form: dict[str, str] = {}
    # The one parameter that may be repeated (RFC 8707 2).
    resources = tuple(dict.fromkeys(value for name, value in pairs if name == "resource" and value))
    for name, value in pairs:
        if name == "resource":
            continue
        if name in form:
            raise ProtocolError("invalid_request", "a parameter is given more than once")
        if value:  # an empty parameter is as good as omitted (RFC 6749 3.2)
            form[name] = value
    return _Request(form, presented(form, authorization), resources)


# --- Authlib's classes, with our clients and our steps ------------------------------------------------------------------


class _Client(ClientMixin):  # type: ignore[misc]
    """A portal, as Authlib asks about it."""

    def __init__(self, record: Client) -> None:
        self.record = record

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.record.grant_types


class _AuthlibServer(AuthorizationServer):  # type: ignore[misc]
    """Authlib's server over plain values: no web framework in between."""

    def __init__(self, provider: Provider) -> None:
        super().__init__()
        self.provider = provider
        self.register_grant(_CodeGrant, [_S256(required=True)])
        self.register_grant(_RefreshGrant)
        self.register_grant(_ClientCredentialsGrant)
        self.register_endpoint(_Introspection)
        self.register_endpoint(_IntrospectionJwt)
        self.register_endpoint(_Revocation)

    def authenticate_client(self, request: _Request, methods: Sequence[str], _endpoint: str = "token") -> _Client:
        """In the way that the client registered, whatever else Authlib could do. methods: that may be used here."""
        client = authenticated(self.provider.deps, request.proof)
        if client.token_endpoint_auth_method not in methods:
            raise ProtocolError("invalid_client", "this needs a client that authenticates itself", status=401)
        request.auth_method = client.token_endpoint_auth_method
        return _Client(client)

    def push(self, request: _Request, pairs: Sequence[tuple[str, str]]) -> Answer:
        client = self.authenticate_client(request, _METHODS).record
        kept = [(name, value) for name, value in pairs if name not in _OF_AUTHENTICATION]
        return Answer(201, pushed.push(self.provider, client, kept))

    def create_oauth2_request(self, request: _Request) -> _Request:
        return request

    def create_token_response(self, request: _Request) -> Answer:
        grant_type = request.payload.grant_type
        if not grant_type:
            raise ProtocolError("invalid_request", "grant_type is missing")
        if grant_type not in metadata.GRANT_TYPES:
            raise ProtocolError("unsupported_grant_type", "the grant type is not supported")
        answer: Answer = super().create_token_response(request)
        return answer

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens."""

    def handle_response(self, status: int, body: Any, _headers: Any) -> Answer:
        return Answer(status, {}, jwt=(INTROSPECTION_JWT, body)) if isinstance(body, str) else Answer(status, body)

    def handle_error_response(self, _request: _Request, error: OAuth2Error) -> Answer:
        if error.error == "invalid_client":
            # 401 whichever way the client tried (RFC 6749 5.2 allows it), and the same words for unknown and wrong.
            return failure(ProtocolError("invalid_client", "client authentication failed", status=401))
        return failure(ProtocolError(error.error, str(error.get_error_description() or ""), status=error.status_code))


class _FoundCode:
    """A code, as Authlib's grant and PKCE extension ask about it."""

    code_challenge_method = "S256"

    def __init__(self, found: Code) -> None:
        self.found = found
        self.code_challenge = found.code_challenge

    def get_redirect_uri(self) -> str:
        return self.found.redirect_uri


class _S256(CodeChallenge):  # type: ignore[misc]
    """PKCE with S256 alone; `plain` is Authlib's default."""

    DEFAULT_CODE_CHALLENGE_METHOD = "S256"
    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)


def _challenge(verifier: str) -> str:
    """Of a well-formed verifier (RFC 7636 4.1); empty for any other."""
    return create_s256_code_challenge(verifier) if CODE_VERIFIER_PATTERN.match(verifier) else ""


class _CodeGrant(authlib_grants.AuthorizationCodeGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = _METHODS

    def query_authorization_code(self, code: str, client: _Client) -> _FoundCode:
        """One with which all is as it should be is spent at sight, with the checks that Authlib does again afterwards."""
        form = self.request.form
        found = steps.find_code(
            self.server.provider,
            client.record,
            code,
            redirect_uri=form.get("redirect_uri", ""),
            challenge="" if self.request.resources else _challenge(form.get("code_verifier", "")),
        )
        return _FoundCode(found)

    def create_token_response(self) -> tuple[int, Mapping[str, Any], Any]:
        """Redirect URI and verifier were checked: a wrong one does not burn the code. Now it is spent, once."""
        found = self.request.authorization_code.found
        answer = steps.redeem_code(
            self.server.provider, self.request.client.record, found, resources=self.request.resources
        )
        return 200, answer, None


class _FoundRefresh:
    """A refresh token, as Authlib's grant asks about it."""

    def __init__(self, found: Refresh) -> None:
        self.found = found

    def check_client(self, client: _Client) -> bool:
        return self.found.granted.client_id == client.record.id

    def get_scope(self) -> str:
        return self.found.granted.scope


class _RefreshGrant(authlib_grants.RefreshTokenGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = _METHODS

    def validate_token_request(self) -> None:
        """As Authlib's, but the client is known when the token is looked up, so another's is not even found."""
        client = self._validate_request_client()
        self.request.client = client
        token = self.request.form.get("refresh_token")
        if token is None:
            raise ProtocolError("invalid_request", "refresh_token is missing")
        plain = not self.request.payload.scope and not self.request.resources
        found = _FoundRefresh(steps.find_refresh_token(self.server.provider, client.record, token, plain=plain))
        self._validate_token_scope(found)
        self.request.refresh_token = found

    def create_token_response(self) -> tuple[int, Mapping[str, Any], Any]:
        found = self.request.refresh_token.found
        scope = " ".join(dict.fromkeys((self.request.payload.scope or found.granted.scope).split()))
        token = self.request.form["refresh_token"]
        answer = steps.rotate(
            self.server.provider,
            self.request.client.record,
            found,
            token,
            scope=scope,
            resources=self.request.resources,
        )
        return 200, answer, None


class _ClientCredentialsGrant(authlib_grants.ClientCredentialsGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = tuple(method for method in _METHODS if method != "none")

    def create_token_response(self) -> tuple[int, Mapping[str, Any], Any]:
        client = self.request.client.record
        allowed = [scope for scope in client.scope.split() if scope not in ("openid", "offline_access")]
        asked = (self.request.payload.scope or "").split()
        if set(asked) - set(allowed):
            raise ProtocolError("invalid_scope", "a scope is not allowed to this client acting for itself")
        scope = " ".join(dict.fromkeys(asked or allowed))
        answer = steps.client_credentials(self.server.provider, client, scope=scope, resources=self.request.resources)
        return 200, answer, None


class _TokenInBody:
    """What introspection and revocation share. The hint is a hint: unknown ones are ignored (RFC 7009 2.1)."""

    CLIENT_AUTH_METHODS = _METHODS
    server: _AuthlibServer

    def token_of(self, request: _Request) -> tuple[Client, str]:
        client: _Client = self.server.authenticate_client(request, self.CLIENT_AUTH_METHODS, "token")
        token = request.form.get("token")
        if not token:
            raise ProtocolError("invalid_request", "token is missing")
        return client.record, token


class _Introspection(_TokenInBody, IntrospectionEndpoint):  # type: ignore[misc]
    def create_endpoint_response(self, request: _Request) -> tuple[int, Mapping[str, Any], Any]:
        client, token = self.token_of(request)
        return 200, inspection.introspect(self.server.provider, client, token), None


class _IntrospectionJwt(_TokenInBody, IntrospectionEndpoint):  # type: ignore[misc]
    ENDPOINT_NAME = "introspection-jwt"

    def create_endpoint_response(self, request: _Request) -> tuple[int, str, Any]:
        client, token = self.token_of(request)
        told = inspection.introspect(self.server.provider, client, token)
        return 200, inspection.introspection_jwt(self.server.provider, client, told), None


class _Revocation(_TokenInBody, RevocationEndpoint):  # type: ignore[misc]
    def create_endpoint_response(self, request: _Request) -> tuple[int, Mapping[str, Any], Any]:
        client, token = self.token_of(request)
        inspection.revoke(self.server.provider, client, token)
        return 200, {}, None
