"""The authorization request as a value, and the decision what it needs. Pure.

arrives --sign-in that fits--> answered
arrives --no sign-in that fits--> waits (a row) --the person signs in--> answered, once
arrives --prompt=none and no sign-in that fits--> answered with login_required
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from idp.oidc.authorize.checks import Asked, granted_scope
from idp.oidc.registration.metadata import Client
from idp.sessions.store import SignedIn


class Decision(StrEnum):
    """What happens to a request now."""

    ANSWER = "answer"
    SIGN_IN = "sign-in"
    LOGIN_REQUIRED = "login_required"


@dataclass(frozen=True)
class Request:
    """A validated authorization request. hint_account: the account of its id_token_hint.

    sign_in_after: a sign-in older than this does not fit (prompt=login, select_account, max_age); None: any fits.
    """

    client_id: str
    redirect_uri: str
    scope: str
    state: str
    nonce: str
    code_challenge: str
    interactive: bool
    sign_in_after: datetime | None
    hint_account: str | None
    login_hint: str
    ui_locales: str
    agency_id: str | None

    def stored(self) -> dict[str, Any]:
        """As JSON for a row; `restored` is its inverse."""
        after = self.sign_in_after
        return vars(self) | {"sign_in_after": after.isoformat() if after else None}

    @staticmethod
    def restored(values: dict[str, Any]) -> Request:
        after = values["sign_in_after"]
        return Request(**values | {"sign_in_after": datetime.fromisoformat(after) if after else None})


def build(
    asked: Asked, client: Client, redirect_uri: str, *, agency_id: str | None, hint_account: str | None, now: datetime
) -> Request:
    """The request of parameters that passed every check."""
    prompts = asked.get("prompt").split()
    after: datetime | None = None
    if asked.get("max_age"):
        after = now - timedelta(seconds=int(asked.get("max_age")))
    if {"login", "select_account"} & set(prompts):
        after = now
    return Request(
        client_id=client.id,
        redirect_uri=redirect_uri,
        scope=granted_scope(asked, client),
        state=asked.get("state"),
        nonce=asked.get("nonce"),
        code_challenge=asked.get("code_challenge"),
        interactive="none" not in prompts,
        sign_in_after=after,
        hint_account=hint_account,
        login_hint=asked.get("login_hint")[:254],
        ui_locales=asked.get("ui_locales")[:100],
        agency_id=agency_id,
    )


def decide(request: Request, signed_in: SignedIn | None, *, arrived_at: datetime) -> Decision:
    """Whether the sign-in of this browser answers the request.

    A request with a hint of somebody else asks to sign in anew; who then signs in as a third person gets an error at
    the portal, which asked for one particular person (OIDC Core 3.1.2.1), and never somebody else's answer.
    """
    fits = signed_in is not None and (
        request.sign_in_after is None or signed_in.authenticated_at >= request.sign_in_after
    )
    if not fits or signed_in is None:
        return Decision.SIGN_IN if request.interactive else Decision.LOGIN_REQUIRED
    if request.hint_account is None or request.hint_account == signed_in.account_id:
        return Decision.ANSWER
    fresh = signed_in.authenticated_at >= arrived_at
    return Decision.SIGN_IN if request.interactive and not fresh else Decision.LOGIN_REQUIRED


def answer(redirect_uri: str, **parameters: str) -> str:
    """The redirect URI with the answer added to its query; empty parameters are left out (RFC 6749 4.1.2)."""
    parts = urlsplit(redirect_uri)
    added = urlencode({name: value for name, value in parameters.items() if value})
    return urlunsplit(parts._replace(query=f"{parts.query}&{added}" if parts.query else added))


def origin(uri: str) -> str:
    """Scheme, host and port of an address, as a CSP source; empty for a private scheme."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("http", "https") else f"{parts.scheme}:"
