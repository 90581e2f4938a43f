"""What a logout request may do: end a sign-in without a question, and send the browser on. Pure.

Source: OpenID Connect RP-Initiated Logout 1.0, sections 2 to 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from idp.oidc.authorize.answers import in_query
from idp.oidc.registration.metadata import Client

PARAMETERS = ("id_token_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales", "logout_hint")


class Problem(StrEnum):
    """Why a portal's request is not followed; the person is told, asked, and stays here."""

    HINT = "hint"  # not issued here, or it contradicts client_id
    RETURN = "return"  # the address to go on to is not registered


@dataclass(frozen=True)
class LogoutRequest:
    """A portal's request, as far as it can be trusted.

    proven: its id_token_hint is genuine and of this very sign-in (or nobody is signed in), so nothing is asked.
    return_to: a registered address to go on to, with the state; None for our own page.
    """

    proven: bool
    return_to: str | None
    problem: Problem | None = None


def understand(
    asked: Mapping[str, str], hint: Mapping[str, Any] | None, client: Client | None, *, same_person: bool
) -> LogoutRequest:
    """Decide what a request may do.

    asked: its parameters, without empty ones. hint: claims of a genuine id_token_hint, expired ones too (section 2).
    client: the portal named by the hint, else by client_id. same_person: the hint is of who is signed in here.
    The address to go on to is only followed when it is registered by that portal, character by character: else logout
    would be an open redirector (section 3).
    """
    if "id_token_hint" in asked and (hint is None or asked.get("client_id", hint["aud"]) != hint["aud"]):
        return LogoutRequest(proven=False, return_to=None, problem=Problem.HINT)
    known = client is not None and client.disabled_at is None
    wanted = asked.get("post_logout_redirect_uri")
    if wanted is None:
        return LogoutRequest(proven=hint is not None and known and same_person, return_to=None)
    if not known or client is None or wanted not in client.post_logout_redirect_uris:
        return LogoutRequest(proven=False, return_to=None, problem=Problem.RETURN)
    return_to = in_query(wanted, state=asked.get("state", ""))
    return LogoutRequest(proven=hint is not None and same_person, return_to=return_to)


def of_sign_in(hint: Mapping[str, Any], *, sid: str, sub: str) -> bool:
    """Whether a hint is of this sign-in, or else of an earlier one of the same person.

    When somebody else is signed in here, the person at the screen is asked (section 2). sub: as this portal knows them.
    """
    return hint.get("sid") == sid or hint.get("sub") == sub
