"""Everything that is said to and heard from the provider: OpenID Connect with Authlib's Flask client.

Authlib does discovery, PKCE, the token request, signatures and claims. What it leaves to its user is done here, each
with its section: the issuer of the metadata and of the answer, the audience and algorithm of the ID token, the
subject of userinfo, time-outs.
"""

from __future__ import annotations

import ipaddress
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests
from authlib.common.urls import add_params_to_uri
from authlib.integrations.flask_client import OAuth, OAuthError
from flask import Flask
from joserfc.errors import JoseError

from clients.portal.attempts import Attempt
from clients.portal.people import Person, person
from clients.portal.settings import PortalSettings

log = logging.getLogger(__name__)

SIGNING_ALGORITHM = "ES256"
TIMEOUT_SECONDS = 10
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "end_session_endpoint")
_ERROR_CODE = re.compile(r"[a-z_]{1,40}")


class ProviderAway(Exception):
    """No usable answer from the provider: try again later."""


class SignInRefused(Exception):
    """The sign-in did not come to be. code: for the agency's support, never for deciding."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code if _ERROR_CODE.fullmatch(code) else "unknown"


@dataclass(frozen=True)
class Identity:
    """A proven sign-in."""

    person: Person
    id_token: str = field(repr=False)


class Provider:
    """The provider as this portal knows it."""

    def __init__(self, app: Flask, settings: PortalSettings) -> None:
        self._settings = settings
        self._client = OAuth(app).register(
            "mon_compte_immobilier",
            client_id=settings.client_id,
            client_secret=settings.client_secret,
            server_metadata_url=f"{settings.issuer}/.well-known/openid-configuration",
            client_kwargs={
                "scope": settings.scope,
                "code_challenge_method": "S256",
                "token_endpoint_auth_method": "client_secret_basic",
                "default_timeout": TIMEOUT_SECONDS,
                # A proxy of the environment cannot reach this machine's own loopback.
                "trust_env": not _loopback(settings.issuer),
            },
        )

    def authorization_url(self, attempt: Attempt, *, login_hint: str) -> str:
        """Where to send the browser. login_hint: an address to fill in, or empty. Raises ProviderAway."""
        self._metadata()
        extra = {"login_hint": login_hint} if login_hint else {}
        made = self._client.create_authorization_url(
            self._settings.redirect_uri,
            state=attempt.state,
            nonce=attempt.nonce,
            code_verifier=attempt.code_verifier,
            ui_locales="fr",
            **extra,
        )
        # Not as arguments above: Authlib 1.9.9 has a parameter of its own that is called `client`, and would raise.
        codes = {"client": self._settings.client, "societe": self._settings.societe}
        return str(add_params_to_uri(made["url"], codes))

    def check_answer(self, answer: Mapping[str, str]) -> str:
        """The code of an answer to an attempt of this browser. Raises SignInRefused, ProviderAway."""
        self._check_issuer(answer)
        if "error" in answer:
            raise SignInRefused(answer["error"])
        if not answer.get("code"):
            raise SignInRefused("no_code")
        return answer["code"]

    def redeem(self, attempt: Attempt, code: str) -> Identity:
        """Turn a code into a proven identity. Raises SignInRefused, ProviderAway."""
        self._metadata()
        try:
            token = self._client.fetch_access_token(
                redirect_uri=self._settings.redirect_uri,
                grant_type="authorization_code",
                code=code,
                code_verifier=attempt.code_verifier,
            )
            identity = self._id_token(token, attempt)
            claims = self._userinfo(token)
        except OAuthError as error:
            raise SignInRefused(str(error.error)) from error
        except requests.RequestException as error:
            raise ProviderAway() from error
        except (JoseError, ValueError) as error:
            log.warning("ID token refused", extra={"reason": type(error).__name__})
            raise SignInRefused("id_token") from error
        # Userinfo is not signed: its subject must be the ID token's, or it is about somebody else (OIDC Core 5.3.2).
        if claims.get("sub") != identity["sub"]:
            raise SignInRefused("userinfo_subject")
        return Identity(person(claims), token["id_token"])

    def logout_url(self, id_token: str) -> str:
        """Where to send the browser to end the provider's session (RP-Initiated Logout 2). Raises ProviderAway."""
        self._metadata()
        made = self._client.create_logout_url(
            post_logout_redirect_uri=self._settings.post_logout_redirect_uri,
            id_token_hint=id_token,
            client_id=self._settings.client_id,
        )
        return str(made["url"])

    def _metadata(self) -> Mapping[str, Any]:
        """The discovery document, fetched once; believed only if it is about our issuer (Discovery 4.3)."""
        try:
            metadata: dict[str, Any] = self._client.load_server_metadata()
        except (requests.RequestException, ValueError, TypeError) as error:
            raise ProviderAway() from error
        missing = [name for name in _ENDPOINTS if not isinstance(metadata.get(name), str)]
        if metadata.get("issuer") != self._settings.issuer or missing:
            log.error("discovery document refused", extra={"issuer": metadata.get("issuer"), "missing": missing})
            metadata.pop("_loaded_at", None)  # so that the next sign-in looks again
            raise ProviderAway()
        # What this portal registered, not whatever the provider can do: Authlib accepts any algorithm listed here.
        metadata["id_token_signing_alg_values_supported"] = [SIGNING_ALGORITHM]
        return metadata

    def _check_issuer(self, answer: Mapping[str, str]) -> None:
        """Another provider's answer must not be taken for ours (RFC 9207 2.4)."""
        promised = self._metadata().get("authorization_response_iss_parameter_supported") is True
        issuer = answer.get("iss")
        if issuer != self._settings.issuer and (promised or issuer is not None):
            log.warning("answer of another issuer", extra={"issuer": issuer})
            raise SignInRefused("issuer")

    def _id_token(self, token: Mapping[str, Any], attempt: Attempt) -> Mapping[str, Any]:
        """The claims of a valid ID token (OIDC Core 3.1.3.7)."""
        only = {
            "iss": {"essential": True, "value": self._settings.issuer},
            "aud": {"essential": True, "value": self._settings.client_id},
        }
        claims: Mapping[str, Any] | None = self._client.parse_id_token(token, attempt.nonce, claims_options=only)
        if claims is None:
            raise SignInRefused("no_id_token")
        return claims

    def _userinfo(self, token: Mapping[str, Any]) -> Mapping[str, Any]:
        answer = self._client.get(self._metadata()["userinfo_endpoint"], token=token)
        answer.raise_for_status()
        claims = answer.json()
        if not isinstance(claims, dict):
            raise SignInRefused("userinfo")
        return claims


def _loopback(address: str) -> bool:
    host = urlsplit(address).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
