"""What a portal may register: checked here for the command line, for files, and later for dynamic registration.

Sources: OIDC Dynamic Client Registration 2, RFC 7591 2, RFC 8252 7 (native applications), RFC 9700 2.1 and 4.1.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from idp.oidc.registration.metadata import (
    APPLICATION_TYPES,
    AUTH_METHODS,
    GRANT_TYPES,
    SCOPES,
    SIGNING_ALGORITHMS,
    Client,
)

_CLIENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{2,63}")
_MOST_URIS = 50


def problems(client: Client) -> list[str]:
    """Every reason why this client may not be registered, each naming its field; empty when it may."""
    found: list[str] = []
    if not _CLIENT_ID.fullmatch(client.id):
        found.append("client_id: 3 to 64 of A-Z a-z 0-9 . _ - are allowed, starting with a letter or digit")
    if not client.name.strip() or len(client.name) > 200:
        found.append("name: 1 to 200 characters are needed")
    found += _unknown("token_endpoint_auth_method", [client.token_endpoint_auth_method], AUTH_METHODS)
    found += _unknown("grant_types", client.grant_types, GRANT_TYPES)
    found += _unknown("scope", client.scope.split(), SCOPES)
    found += _unknown("application_type", [client.application_type], APPLICATION_TYPES)
    found += _unknown("id_token_signed_response_alg", [client.id_token_signed_response_alg], SIGNING_ALGORITHMS)
    if "authorization_code" in client.grant_types and not client.redirect_uris:
        found.append("redirect_uris: the authorization code grant needs one at least")
    if client.public and "client_credentials" in client.grant_types:
        found.append("grant_types: client_credentials needs a secret, so not token_endpoint_auth_method none")
    if client.token_endpoint_auth_method == "private_key_jwt" and client.jwks is None and client.jwks_uri is None:
        found.append("jwks: private_key_jwt needs the client's keys, here or at a jwks_uri")
    if client.public and not client.require_pkce:
        found.append("require_pkce: a public client cannot do without PKCE (RFC 9700 2.1.1)")
    if client.default_portal and (client.agency_id is None or client.initiate_login_uri is None):
        found.append("default_portal: needs an agency and an initiate_login_uri")
    found += _uri_problems(client)
    if client.initiate_login_uri is not None and (why := uri_problem(client.initiate_login_uri, "web")):
        found.append(f"initiate_login_uri: {client.initiate_login_uri!r}: {why}")
    return found


def _uri_problems(client: Client) -> list[str]:
    found: list[str] = []
    for name, uris in (
        ("redirect_uris", client.redirect_uris),
        ("post_logout_redirect_uris", client.post_logout_redirect_uris),
    ):
        if len(uris) > _MOST_URIS:
            found.append(f"{name}: {_MOST_URIS} at most")
        if len(set(uris)) != len(uris):
            found.append(f"{name}: one is given twice")
        found += [f"{name}: {uri!r}: {why}" for uri in uris if (why := uri_problem(uri, client.application_type))]
    return found


def uri_problem(uri: str, application_type: str) -> str | None:
    """Why an address may not be registered; None when it may.

    Plain http is for loopback only. A native application may also use a private scheme with a dot (RFC 8252 7.1).
    """
    if len(uri) > 2000 or not uri.isascii() or not uri.isprintable() or " " in uri or "\\" in uri:
        return "only printable ASCII without spaces and backslashes, 2000 characters at most"
    try:
        parts = urlsplit(uri)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return "not a valid address"
    if "#" in uri:
        return "a fragment is not allowed"
    if parts.username is not None or parts.password is not None:
        return "a user name is not allowed"
    if parts.scheme == "https":
        return None if host else "the host is missing"
    if parts.scheme == "http":
        return None if loopback(host) else "http is for loopback addresses only"
    if application_type == "native" and "." in parts.scheme:
        return None
    return "the scheme must be https"


def loopback(host: str | None) -> bool:
    """Whether a host of an address is this machine itself."""
    if host is None:
        return False
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def redirect_allowed(client: Client, uri: str) -> bool:
    """Exact string match; for native applications on loopback the port may vary (RFC 8252 7.3, RFC 9700 4.1.3)."""
    if uri in client.redirect_uris:
        return True
    if client.application_type != "native":
        return False
    asked = _without_port(uri)
    return asked is not None and any(asked == _without_port(known) for known in client.redirect_uris)


def _without_port(uri: str) -> str | None:
    """A loopback http address without its port; None for anything else."""
    found = re.fullmatch(r"(http://(?:127\.0\.0\.1|\[::1\]))(?::\d{1,5})?(/[^#]*)?", uri)
    return None if found is None else found[1] + (found[2] or "")


def _unknown(name: str, values: list[str] | tuple[str, ...], known: tuple[str, ...]) -> list[str]:
    return [f"{name}: {value!r} is not one of {', '.join(known)}" for value in values if value not in known]
