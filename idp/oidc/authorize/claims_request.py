"""The `claims` parameter: single claims asked for by name, in the ID token or at userinfo (OIDC Core 5.5). Pure.

What is asked without being known here is ignored, as the standard wants. What is kept is small and typed: the names,
and for `sub` and `acr` the values that the sign-in must have.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from idp.oidc.protocol import ProtocolError

# What a portal may ask for by name; the protocol's own claims are in tokens anyway.
CLAIMS = frozenset(
    {"name", "given_name", "family_name", "civility", "company_name", "locale", "zoneinfo", "updated_at"}
    | {"email", "email_verified", "phone_number", "phone_number_verified", "address", "memberships"}
)
_LONGEST = 8192
_DEEPEST = 5


@dataclass(frozen=True)
class ClaimsRequest:
    """id_token, userinfo: names of claims, sorted. subjects, acrs: the values that will do; empty: any.

    essential_acr: without one of `acrs` the request must fail (OIDC Core 5.5.1.1).
    """

    id_token: tuple[str, ...] = ()
    userinfo: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    acrs: tuple[str, ...] = ()
    essential_acr: bool = False


def parse(text: str) -> ClaimsRequest:
    """The request of a `claims` parameter. Raises ProtocolError invalid_request for what is no such JSON."""
    if not text:
        return ClaimsRequest()
    refused = ProtocolError("invalid_request", "the claims parameter is malformed")
    if len(text) > _LONGEST or max(text.count("{"), text.count("[")) > 200:
        raise refused
    try:
        asked = json.loads(text)
    except (ValueError, RecursionError):
        raise refused from None
    if not isinstance(asked, dict) or _depth(asked) > _DEEPEST:
        raise refused
    in_token, at_userinfo = _member(asked, "id_token"), _member(asked, "userinfo")
    acr = in_token.get("acr")
    return ClaimsRequest(
        id_token=tuple(sorted(CLAIMS & set(in_token))),
        userinfo=tuple(sorted(CLAIMS & set(at_userinfo))),
        subjects=_values(in_token.get("sub")) or _values(at_userinfo.get("sub")),
        acrs=_values(acr),
        essential_acr=acr is not None and acr.get("essential") is True,
    )


def _member(asked: Mapping[str, Any], name: str) -> dict[str, dict[str, Any] | None]:
    """The claims asked for in one place; each null, or an object of essential, value and values."""
    member = asked.get(name)
    if member is None:
        return {}
    if not isinstance(member, dict) or not all(one is None or isinstance(one, dict) for one in member.values()):
        raise ProtocolError("invalid_request", f"the {name} member of the claims parameter is malformed")
    return member


def _values(claim: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The values that will do for a claim; others than texts fit nobody, so they stay, as something nobody has."""
    if claim is None or not {"value", "values"} & set(claim):
        return ()
    values = claim.get("values", [claim.get("value")])
    return tuple(value if isinstance(value, str) else "" for value in values) if isinstance(values, list) else ("",)


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0
