"""What makes an authorization request acceptable: an ordered tuple of small checks, each citing its section. Pure.

Checks run after the client and the redirect URI are trusted, so each failure may be told at the redirect URI. What
comes before (`trust`) is only ever shown to the person: redirecting would make this an open redirector (RFC 9700 4.11.2).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from idp.errors import AuthorizationMalformed, ClientUnknown, RedirectUnregistered
from idp.oidc.protocol import ProtocolError
from idp.oidc.registration.metadata import CODE_TYPES, FRONT_CHANNEL_TYPES, SCOPES, Client
from idp.oidc.registration.rules import redirect_allowed

PROMPTS = ("none", "login", "consent", "select_account", "create")
RESPONSE_MODES = ("query", "fragment", "form_post")
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # base64url of a SHA-256 digest
_LONGEST_ECHOED = 4096
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ufffd\ud800-\udfff]")

Parameters = Mapping[str, str]


@dataclass(frozen=True)
class Asked:
    """A request as posted, in a query or in a request object.

    Each parameter once; `repeated`: the names that were given more than once; resources: all values of `resource`, the
    one parameter that may be repeated (RFC 8707 2). types: the response types that this provider supports now.
    response_type: with its words in the standard's order, since their order means nothing (RFC 6749 3.1.1).
    """

    values: Parameters
    repeated: frozenset[str]
    types: tuple[str, ...]
    response_type: str
    resources: tuple[str, ...] = ()

    def get(self, name: str) -> str:
        """The value, or empty text: an empty parameter is as good as omitted (RFC 6749 3.1)."""
        return self.values.get(name, "")

    @property
    def response_mode(self) -> str:
        """Where the answer goes: as asked, else the default of the response type (Multiple Response Types 2.1, 3)."""
        asked = self.get("response_mode")
        if asked in RESPONSE_MODES and not (asked == "query" and self._in_front):
            return asked
        return "fragment" if self._in_front else "query"

    @property
    def _in_front(self) -> bool:
        """Whether tokens are answered through the browser, which no query may carry (Multiple Response Types 3)."""
        return self.response_type in self.types and self.response_type not in CODE_TYPES


def gather(pairs: Sequence[tuple[str, str]], *, implicit_allowed: bool) -> Asked:
    """The parameters of a request, from its name and value pairs."""
    values: dict[str, str] = {}
    repeated = set()
    for name, value in pairs:
        if name == "resource":
            continue
        if name in values:
            repeated.add(name)
        values.setdefault(name, value)
    resources = dict.fromkeys(value for name, value in pairs if name == "resource" and value)
    types = CODE_TYPES + FRONT_CHANNEL_TYPES if implicit_allowed else CODE_TYPES
    response_type = " ".join(sorted(values.get("response_type", "").split(" ")))
    return Asked(values, frozenset(repeated), types, response_type, tuple(resources))


def known(asked: Asked, client: Client | None) -> Client:
    """The client that asks. Raises AuthorizationMalformed, ClientUnknown."""
    if "client_id" in asked.repeated or not asked.get("client_id"):
        raise AuthorizationMalformed()
    return open_client(client)


def open_client(client: Client | None) -> Client:
    """The client, unless there is none or it is disabled. Raises ClientUnknown."""
    if client is None or client.disabled_at is not None:
        raise ClientUnknown()
    return client


def trust(asked: Asked, client: Client) -> str:
    """The redirect URI to answer at. Raises AuthorizationMalformed, RedirectUnregistered."""
    if "redirect_uri" in asked.repeated:
        raise AuthorizationMalformed()
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


def response_type_is_registered(asked: Asked, client: Client) -> None:
    """RFC 6749 3.1.1 and 4.1.2.1 for the errors; what a client may ask is what it registered (OIDC Registration 2)."""
    if not asked.get("response_type"):
        raise ProtocolError("invalid_request", "response_type is missing")
    if asked.response_type not in asked.types:
        raise ProtocolError("unsupported_response_type", "the response_type is not supported")
    if asked.response_type not in client.response_types:
        raise ProtocolError("unauthorized_client", "the response_type is not registered for this client")
    if "code" in asked.response_type.split() and "authorization_code" not in client.grant_types:
        raise ProtocolError("unauthorized_client", "this client may not use the authorization code grant")


def response_mode_suits(asked: Asked, _client: Client) -> None:
    """Multiple Response Types 2.1 and 3: known, and no token in a query, which logs and Referer headers keep."""
    mode = asked.get("response_mode")
    if mode and mode != asked.response_mode:
        raise ProtocolError("invalid_request", "the response_mode is unknown or does not suit the response_type")


def no_registration(asked: Asked, _client: Client) -> None:
    """OIDC Core 7.2.1 is for self-issued providers; 3.1.2.6 for the error."""
    if asked.get("registration"):
        raise ProtocolError("registration_not_supported", "the registration parameter is not supported")


def nonce_is_there(asked: Asked, _client: Client) -> None:
    """OIDC Core 3.2.2.1 and 3.3.2.11: an ID token that comes through the browser is bound to its request by a nonce."""
    if "id_token" in asked.response_type.split() and not asked.get("nonce"):
        raise ProtocolError("invalid_request", "nonce is missing")


def openid_for_id_token(asked: Asked, client: Client) -> None:
    """OIDC Core 3.1.2.1: without the openid scope there is no ID token to answer."""
    if "id_token" in asked.response_type.split() and "openid" not in granted_scope(asked, client).split():
        raise ProtocolError("invalid_scope", "an ID token needs the openid scope")


def scope_is_allowed(asked: Asked, client: Client) -> None:
    """RFC 6749 3.3: unknown scopes are ignored (OIDC Core 3.1.2.1), but something must remain."""
    if not granted_scope(asked, client):
        raise ProtocolError("invalid_scope", "none of the scopes asked for is allowed to this client")


def pkce_is_s256(asked: Asked, client: Client) -> None:
    """RFC 7636 4.4.1 and RFC 9700 2.1.1: S256 only, and required of public clients and of whoever registered so."""
    challenge, method = asked.get("code_challenge"), asked.get("code_challenge_method")
    if not challenge and "code" not in asked.response_type.split():
        return
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
    if set(prompts) - set(PROMPTS):
        raise ProtocolError("invalid_request", "a prompt value is unknown")
    if "none" in prompts and len(prompts) > 1:
        raise ProtocolError("invalid_request", "prompt=none stands alone")


def max_age_is_seconds(asked: Asked, _client: Client) -> None:
    """OIDC Core 3.1.2.1: a number of seconds."""
    text = asked.get("max_age")
    if text and not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise ProtocolError("invalid_request", "max_age must be a number of seconds")


def resources_are_registered(asked: Asked, client: Client) -> None:
    """RFC 8707 2: absolute addresses without a fragment, of those that the client may ask for."""
    if set(asked.resources) - set(client.resources):
        raise ProtocolError("invalid_target", "a resource is unknown or not allowed to this client")


CHECKS: tuple[Callable[[Asked, Client], None], ...] = (
    nothing_repeated,
    texts_are_sound,
    response_type_is_registered,
    response_mode_suits,
    no_registration,
    scope_is_allowed,
    openid_for_id_token,
    nonce_is_there,
    pkce_is_s256,
    prompt_is_known,
    max_age_is_seconds,
    resources_are_registered,
)


def granted_scope(asked: Asked, client: Client) -> str:
    """The scopes asked for that the client may have, once each, in the order asked.

    Access while the person is away needs a code: without one, `offline_access` is ignored (OIDC Core 11).
    """
    allowed = _allowed(client.scope)
    if "code" not in asked.response_type.split():
        allowed -= {"offline_access"}
    return " ".join(dict.fromkeys(s for s in asked.get("scope").split() if s in allowed))


@lru_cache(1000)
def _allowed(registered: str) -> frozenset[str]:
    """The scopes that a client may have, of the text that it registered."""
    return frozenset(registered.split()) & frozenset(SCOPES)


def _unfit(text: str) -> bool:
    return len(text) > _LONGEST_ECHOED or _UNPRINTABLE.search(text) is not None
