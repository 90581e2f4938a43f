"""Taking an authorization request in: from the parameters as sent to a request that passed every check."""

from __future__ import annotations

from datetime import timedelta

from idp.database import reading
from idp.errors import AgencyClosed, AgencyUnknown, CodesMissing
from idp.oidc.authorize import checks, claims_request, flow, request_objects
from idp.oidc.authorize.answers import Answered, Posted, carry
from idp.oidc.authorize.flow import Request
from idp.oidc.authorize.store import Waiting
from idp.oidc.protocol import ACR, ProtocolError
from idp.oidc.provider import Provider
from idp.oidc.registration import clients
from idp.oidc.registration.metadata import Client
from idp.tenancy import resolve


def read(provider: Provider, asked: checks.Asked) -> Request | Answered | Posted:
    """The request, sound; or the error at its redirect URI."""
    client = checks.known(asked, clients.find(provider.deps, asked.get("client_id")))
    try:
        asked = request_objects.unpack(provider, asked, client)
    except ProtocolError as error:
        # Of an object that cannot be trusted nothing is: the answer goes to what stands beside it, or is shown.
        return _error(provider, asked, checks.trust(asked, client), error)
    redirect_uri = checks.trust(asked, client)
    try:
        return sound(provider, asked, client, redirect_uri)
    except ProtocolError as error:
        return _error(provider, asked, redirect_uri, error)


def waiting(provider: Provider, request: Request, *, browser_digest: str, lifetime: timedelta | None = None) -> Waiting:
    """The request as a row would keep it, not stored yet. lifetime: None for as long as people have to sign in."""
    deps, now = provider.deps, provider.deps.now()
    lifetime = lifetime or timedelta(days=deps.settings.authorization_validity_days)
    return Waiting(
        id=deps.new_token(128),
        browser_digest=browser_digest,
        request=request,
        created_at=now,
        expires_at=now + lifetime,
        answered_at=None,
    )


def sound(provider: Provider, asked: checks.Asked, client: Client, redirect_uri: str) -> Request:
    """The request of parameters that pass every check. Raises ProtocolError."""
    for check in checks.CHECKS:
        check(asked, client)
    claims = claims_request.parse(asked.get("claims"))
    if claims.essential_acr and claims.acrs and ACR not in claims.acrs:
        raise ProtocolError("unmet_authentication_requirements", "no sign-in here reaches the acr that is asked")
    hint = asked.get("id_token_hint")
    hinted = provider.tokens.subject_of_hint(hint, client.id) if hint else None
    if hint and hinted is None:
        raise ProtocolError("invalid_request", "id_token_hint was not issued here to this client")
    return flow.build(
        asked,
        client,
        redirect_uri,
        claims=claims,
        hint_subject=hinted,
        agency_id=_agency(asked, client),
        now=provider.deps.now(),
    )


def _agency(asked: checks.Asked, client: Client) -> str | None:
    """The agency asked for: the client's own, or one of its customer's, or any for a platform's client.

    Raises ProtocolError when the codes name none that this client may ask for.
    """
    codes = asked.get(resolve.CUSTOMER), asked.get(resolve.COMPANY)
    if not any(codes):
        return client.agency_id
    try:
        with reading() as db:
            agency = resolve.by_codes(db, *codes)
    except (AgencyClosed, AgencyUnknown, CodesMissing):
        raise ProtocolError("invalid_request", "client and societe name no agency") from None
    if client.agency_id not in (None, agency.id) or client.customer_id not in (None, agency.customer_id):
        raise ProtocolError("invalid_request", "this client may not ask for that agency")
    return agency.id


def _error(provider: Provider, asked: checks.Asked, redirect_uri: str, error: ProtocolError) -> Answered | Posted:
    """A refused request, told in the mode that it asked for as far as that can be made out."""
    return carry(
        redirect_uri,
        asked.response_mode,
        error=error.error,
        error_description=error.description,
        state=checks.echoed_state(asked),
        iss=provider.deps.settings.issuer,
    )
