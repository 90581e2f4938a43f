"""The authorization request as a value, and the decision what it needs. Pure.

arrives --sign-in that fits, consent where it is needed--> answered
arrives --no sign-in that fits--> waits (a row) --the person signs in--> looked at again
arrives --consent is missing--> waits (a row) --the person allows--> answered, once
arrives --prompt=none and something is missing--> answered with login_required or consent_required
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from idp.oidc.authorize.checks import Asked, granted_scope
from idp.oidc.authorize.claims_request import ClaimsRequest
from idp.oidc.registration.metadata import Client
from idp.sessions.store import SignedIn


class Decision(StrEnum):
    """What happens to a request now."""

    ANSWER = "answer"
    SIGN_IN = "sign-in"
    CONSENT = "consent"
    LOGIN_REQUIRED = "login_required"
    CONSENT_REQUIRED = "consent_required"


_CHOOSE = "select_account"


@dataclass(frozen=True)
class Request:
    """A validated authorization request.

    sign_in_after: a sign-in older than this does not fit (prompt=login, create; max_age); None: any fits.
    subjects: who it is about, as the portal names people (id_token_hint, or `sub` of the claims parameter); empty:
    anybody. claims: asked for by name, as `{"id_token": [...], "userinfo": [...]}`. resources: RFC 8707.
    """

    client_id: str
    redirect_uri: str
    response_type: str
    response_mode: str
    scope: str
    state: str
    nonce: str
    code_challenge: str
    prompts: tuple[str, ...]
    sign_in_after: datetime | None
    subjects: tuple[str, ...]
    login_hint: str
    ui_locales: str
    agency_id: str | None
    claims: dict[str, list[str]]
    resources: tuple[str, ...]

    @property
    def interactive(self) -> bool:
        """Whether the person may be shown a page."""
        return "none" not in self.prompts

    @property
    def chooses(self) -> bool:
        """Whether the person is asked if the sign-in that is there is theirs."""
        return _CHOOSE in self.prompts

    @property
    def claim_names(self) -> frozenset[str]:
        """Every claim that is asked for by name, wherever it is to stand."""
        return frozenset(name for names in self.claims.values() for name in names)

    def stored(self) -> dict[str, Any]:
        """As JSON for a row; `restored` is its inverse."""
        after = self.sign_in_after
        return vars(self) | {"sign_in_after": after.isoformat() if after else None}

    @staticmethod
    def restored(values: dict[str, Any]) -> Request:
        after = values["sign_in_after"]
        tuples = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
        return Request(**values | tuples | {"sign_in_after": datetime.fromisoformat(after) if after else None})


def build(
    asked: Asked,
    client: Client,
    redirect_uri: str,
    *,
    claims: ClaimsRequest,
    hint_subject: str | None,
    agency_id: str | None,
    now: datetime,
) -> Request:
    """The request of parameters that passed every check. hint_subject: the `sub` of its id_token_hint."""
    prompts = tuple(asked.get("prompt").split())
    max_age = int(asked.get("max_age")) if asked.get("max_age") else client.default_max_age
    after = None if max_age is None else now - timedelta(seconds=max_age)
    if {"login", "create"} & set(prompts):
        after = now
    named = {name: list(one) for name, one in (("id_token", claims.id_token), ("userinfo", claims.userinfo)) if one}
    return Request(
        client_id=client.id,
        redirect_uri=redirect_uri,
        response_type=asked.response_type,
        response_mode=asked.response_mode,
        scope=granted_scope(asked, client),
        state=asked.get("state"),
        nonce=asked.get("nonce"),
        code_challenge=asked.get("code_challenge"),
        prompts=prompts,
        sign_in_after=after,
        subjects=_subjects(hint_subject, claims.subjects),
        login_hint=asked.get("login_hint")[:254],
        ui_locales=asked.get("ui_locales")[:100],
        agency_id=agency_id,
        claims=named,
        resources=asked.resources,
    )


def chosen(request: Request) -> Request:
    """The request after the person said that the sign-in which is there is theirs."""
    return replace(request, prompts=tuple(prompt for prompt in request.prompts if prompt != _CHOOSE))


def any_sign_in_answers(request: Request, *, consented: bool) -> bool:
    """Whether `decide` says ANSWER whichever live sign-in the browser has, so that nobody need look at it first."""
    return consented and request.sign_in_after is None and not request.chooses and not request.subjects


def decide(
    request: Request, signed_in: SignedIn | None, *, subject: str, consented: bool, arrived_at: datetime
) -> Decision:
    """Whether the sign-in of this browser answers the request.

    subject: what the client knows the signed-in person as; empty when nobody is. consented: whether the person allowed
    what is asked, or need not be asked. A request about somebody else asks to sign in anew; who then signs in as a
    third person gets an error at the portal, which asked for one particular person (OIDC Core 3.1.2.1), and never
    somebody else's answer.
    """
    fits = signed_in is not None and (
        (request.sign_in_after is None or signed_in.authenticated_at >= request.sign_in_after)
        # Who typed a password for this request has chosen.
        and (not request.chooses or signed_in.authenticated_at >= arrived_at)
    )
    if not fits or signed_in is None:
        return Decision.SIGN_IN if request.interactive else Decision.LOGIN_REQUIRED
    if request.subjects and subject not in request.subjects:
        fresh = signed_in.authenticated_at >= arrived_at
        return Decision.SIGN_IN if request.interactive and not fresh else Decision.LOGIN_REQUIRED
    if not consented:
        return Decision.CONSENT if request.interactive else Decision.CONSENT_REQUIRED
    return Decision.ANSWER


def _subjects(hint: str | None, asked: tuple[str, ...]) -> tuple[str, ...]:
    """Who will do; when the hint and the claims parameter name different people, nobody does."""
    if hint is None:
        return asked
    return (hint,) if not asked or hint in asked else ("",)
