"""What makes an authorization request acceptable: an ordered tuple of small checks, each citing its section. Pure.

Checks run after the client and the redirect URI are trusted, so each failure may be told at the redirect URI. What
comes before (`trust`) is only ever shown to the person: redirecting would make this an open redirector (RFC 9700 4.11.2).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from idp.errors import AuthorizationMalformed, ClientUnknown, RedirectUnregistered
from idp.oidc.protocol import ProtocolError
from idp.oidc.registration.metadata import SCOPES, Client
from idp.oidc.registration.rules import redirect_allowed

PROMPTS = frozenset({"none", "login", "consent", "select_account"})
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # base64url of a SHA-256 digest
_LONGEST_ECHOED = 4096
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ufffd\ud800-\udfff]")

Parameters = Mapping[str, str]


@dataclass(frozen=True)
class Asked:
    """A request as posted or in a query: each parameter once, and the names that were given more than once."""

    values: Parameters
    repeated: frozenset[str]

    def get(self, name: str) -> str:
        """The value, or empty text: an empty parameter is as good as omitted (RFC 6749 3.1)."""
        return self.values.get(name, "")


def gather(pairs: Sequence[tuple[str, str]]) -> Asked:
    """The parameters of a request, from its name and value pairs."""
    values: dict[str, str] = {}
    repeated = set()
    for name, value in pairs:
        if name in values:
            repeated.add(name)
        values.setdefault(name, value)
    return Asked(values, frozenset(repeated))


def trust(asked: Asked, client: Client | None) -> str:
    """The redirect URI to answer at. Raises AuthorizationMalformed, ClientUnknown, RedirectUnregistered."""
    if asked.repeated & {"client_id", "redirect_uri"} or not asked.get("client_id"):
        raise AuthorizationMalformed()
    if client is None or client.disabled_at is not None:
        raise ClientUnknown()
    redirect_uri = asked.get("redirect_uri")
    if not redirect_uri or not redirect_allowed(client, redirect_uri):
        raise RedirectUnregistered()
    return redirect_uri


def echoed_state(asked: Asked) -> str:
    """The state to send back, exactly as received; nothing when it could not be sent back unharmed."""
    state = asked.get("state")
    return "" if "state" in asked.repeated or _unfit(state) else state


def nothing_repeated(asked: Asked, _client: Client) -> None:
    """RFC 6749 3.1: parameters must not be included more than once."""
    if asked.repeated:
        raise ProtocolError("invalid_request", "a parameter is given more than once")


def texts_are_sound(asked: Asked, _client: Client) -> None:
    """State and nonce come back byte for byte or not at all (OIDC Core 3.1.2.1; FAPI 2.0 5.3.2.2)."""
    for name in ("state", "nonce"):
        if _unfit(asked.get(name)):
            raise ProtocolError("invalid_request", f"{name} is too long or not plain text")
    if len(asked.get("scope")) > 1000 or _UNPRINTABLE.search(asked.get("scope")):
        raise ProtocolError("invalid_scope", "scope is too long or not plain text")


def response_type_is_code(asked: Asked, client: Client) -> None:
    """RFC 9700 2.1.2: only the code flow; RFC 6749 4.1.2.1 for the two errors."""
    if not asked.get("response_type"):
        raise ProtocolError("invalid_request", "response_type is missing")
    if asked.get("response_type") != "code":
        raise ProtocolError("unsupported_response_type", "only response_type=code is supported")
    if "authorization_code" not in client.grant_types:
        raise ProtocolError("unauthorized_client", "this client may not use the authorization code grant")


def response_mode_is_query(asked: Asked, _client: Client) -> None:
    """OAuth 2.0 Multiple Response Types 2.1: a code is answered in the query."""
    if asked.get("response_mode") not in ("", "query"):
        raise ProtocolError("invalid_request", "only response_mode=query is supported")


def no_request_object(asked: Asked, _client: Client) -> None:
    """OIDC Core 6.1 and 6.2, Registration 2: the errors for what is not supported."""
    for name in ("request", "request_uri", "registration"):
        if asked.get(name):
            raise ProtocolError(f"{name}_not_supported", f"the {name} parameter is not supported")


def scope_is_allowed(asked: Asked, client: Client) -> None:
    """RFC 6749 3.3: unknown scopes are ignored (OIDC Core 3.1.2.1), but something must remain."""
    if not granted_scope(asked, client):
        raise ProtocolError("invalid_scope", "none of the scopes asked for is allowed to this client")


def pkce_is_s256(asked: Asked, client: Client) -> None:
    """RFC 7636 4.4.1 and RFC 9700 2.1.1: S256 only, and required of public clients and of whoever registered so."""
    challenge, method = asked.get("code_challenge"), asked.get("code_challenge_method")
    if not challenge:
        if client.require_pkce or client.public or method:
            raise ProtocolError("invalid_request", "code_challenge is missing")
        return
    if method != "S256":
        raise ProtocolError("invalid_request", "code_challenge_method must be S256")
    if not _CHALLENGE.fullmatch(challenge):
        raise ProtocolError("invalid_request", "code_challenge must be 43 characters of base64url")


def prompt_is_known(asked: Asked, _client: Client) -> None:
    """OIDC Core 3.1.2.1: known values, and none stands alone."""
    prompts = asked.get("prompt").split()
    if set(prompts) - PROMPTS:
        raise ProtocolError("invalid_request", "a prompt value is unknown")
    if "none" in prompts and len(prompts) > 1:
        raise ProtocolError("invalid_request", "prompt=none stands alone")


def max_age_is_seconds(asked: Asked, _client: Client) -> None:
    """OIDC Core 3.1.2.1: a number of seconds."""
    text = asked.get("max_age")
    if text and not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise ProtocolError("invalid_request", "max_age must be a number of seconds")


CHECKS: tuple[Callable[[Asked, Client], None], ...] = (
    nothing_repeated,
    texts_are_sound,
    response_type_is_code,
    response_mode_is_query,
    no_request_object,
    scope_is_allowed,
    pkce_is_s256,
    prompt_is_known,
    max_age_is_seconds,
)


def granted_scope(asked: Asked, client: Client) -> str:
    """The scopes asked for that the client may have, once each, in the order asked."""
    allowed = set(client.scope.split()) & set(SCOPES)
    return " ".join(dict.fromkeys(s for s in asked.get("scope").split() if s in allowed))


def _unfit(text: str) -> bool:
    return len(text) > _LONGEST_ECHOED or _UNPRINTABLE.search(text) is not None
