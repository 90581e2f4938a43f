"""Which addresses a client may register, by what they are for. Pure.

Sources: OIDC Dynamic Client Registration 2, RFC 8252 7 (native applications), RFC 9700 4.1, OIDC Front-Channel Logout 2,
OIDC Back-Channel Logout 2.2.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from idp.oidc import reach
from idp.oidc.reach import Network
from idp.oidc.registration.metadata import IMPLICIT, Client

MOST_URIS = 50
# Pages and pictures that people are shown.
SHOWN = ("client_uri", "logo_uri", "policy_uri", "tos_uri")
# What this machine connects to.
FETCHED = ("jwks_uri", "sector_identifier_uri", "backchannel_logout_uri")


def problems(client: Client, allowed: Sequence[Network]) -> Iterator[tuple[str, str]]:
    """Each reason with its field. allowed: private networks that addresses of clients may lead to."""
    yield from _many(client)
    for name, uri in registered(client):
        if why := _CHECKS[name.partition("#")[0]](client, uri):
            yield name, f"{uri!r}: {why}"
        elif client.dynamic and name in (*SHOWN, *FETCHED, "request_uris") and not _outside(uri, allowed):
            # A stranger's address inside this network could only be there to make somebody go there.
            yield name, f"{uri!r}: the host is not a public one"
    yield from _front_channel(client)
    yield from _sector(client)


def registered(client: Client) -> Iterator[tuple[str, str]]:
    """Every address of a client with its field; `logo_uri#fr` and the like too."""
    for name in ("redirect_uris", "post_logout_redirect_uris", "request_uris"):
        for uri in getattr(client, name):
            yield name, uri
    for name in ("initiate_login_uri", "frontchannel_logout_uri", *SHOWN, *FETCHED):
        if (one := getattr(client, name)) is not None:
            yield name, one
    for name, one in client.localized.items():
        if name.partition("#")[0] in SHOWN:
            yield name, one


def uri_problem(uri: str, application_type: str) -> str | None:
    """Why people may not be redirected to an address; None when they may.

    Plain http is for loopback only. A native application may also use a private scheme with a dot (RFC 8252 7.1).
    """
    if why := _malformed(uri):
        return why
    if "#" in uri:
        return "a fragment is not allowed"
    parts = urlsplit(uri)
    if parts.scheme == "https":
        return None if parts.hostname else "the host is missing"
    if parts.scheme == "http":
        return None if loopback(parts.hostname) else "http is for loopback addresses only"
    if application_type == "native" and "." in parts.scheme:
        return None
    return "the scheme must be https"


def page_problem(uri: str, *, dynamic: bool) -> str | None:
    """Why an address is no page on the web. dynamic: then https it is, without the exception for loopback."""
    if dynamic and not uri.startswith("https:"):
        return "the scheme must be https"
    return uri_problem(uri, "web")


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


def hosts(client: Client) -> set[str | None]:
    """The hosts that people may be sent back to; None stands for a private scheme."""
    return {urlsplit(uri).hostname for uri in client.redirect_uris}


def _malformed(uri: str) -> str | None:
    if len(uri) > reach.LONGEST or not uri.isascii() or not uri.isprintable() or " " in uri or "\\" in uri:
        return "only printable ASCII without spaces and backslashes, 2000 characters at most"
    try:
        parts = urlsplit(uri)
        _ = parts.hostname, parts.port
    except ValueError:
        return "not a valid address"
    return "a user name is not allowed" if parts.username is not None or parts.password is not None else None


def _shown_problem(client: Client, uri: str) -> str | None:
    return page_problem(uri.partition("#")[0], dynamic=client.dynamic)  # a page may be opened at a place in it


def _page(client: Client, uri: str) -> str | None:
    return page_problem(uri, dynamic=client.dynamic)


def _fetched_problem(_client: Client, uri: str) -> str | None:
    return reach.address_problem(uri) or ("a fragment is not allowed" if "#" in uri else None)


def _back_problem(client: Client, uri: str) -> str | None:
    return uri_problem(uri, client.application_type)


def _redirect_problem(client: Client, uri: str) -> str | None:
    """A web application that is sent tokens in the address must be one on the web (OIDC Registration 2)."""
    if why := _back_problem(client, uri):
        return why
    if client.application_type != "web" or IMPLICIT not in client.grant_types:
        return None
    parts = urlsplit(uri)
    if parts.scheme != "https":
        return "https is needed where tokens are sent to it"
    host = parts.hostname or ""
    return "localhost is not allowed where tokens are sent to it" if host.split(".")[-1] == "localhost" else None


def _many(client: Client) -> Iterator[tuple[str, str]]:
    for name in ("redirect_uris", "post_logout_redirect_uris", "request_uris"):
        uris = getattr(client, name)
        if len(uris) > MOST_URIS:
            yield name, f"{MOST_URIS} at most"
        if len(set(uris)) != len(uris):
            yield name, "one is given twice"


def _front_channel(client: Client) -> Iterator[tuple[str, str]]:
    """Scheme, host and port are those of a redirect address, so that only the client's own site is framed."""
    if client.frontchannel_logout_uri is None or _malformed(client.frontchannel_logout_uri):
        return
    origins = {urlsplit(uri)[:2] for uri in client.redirect_uris}
    if urlsplit(client.frontchannel_logout_uri)[:2] not in origins:
        yield "frontchannel_logout_uri", "scheme, host and port must be those of a redirect address"


def _sector(client: Client) -> Iterator[tuple[str, str]]:
    if client.subject_type == "pairwise" and client.sector_identifier_uri is None:
        found = hosts(client)
        if len(found) > 1 or None in found:
            yield "sector_identifier_uri", "pairwise with several hosts, or none, needs one (OIDC Core 8.1)"


def _outside(uri: str, allowed: Sequence[Network]) -> bool:
    """Whether the host may be a public one. Names are judged when they are resolved, at each request."""
    try:
        host = urlsplit(uri).hostname or ""
    except ValueError:
        return False
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host.rstrip(".").split(".")[-1] not in ("localhost", "local", "internal")
    return reach.allowed(host, allowed)


_CHECKS: Mapping[str, Callable[[Client, str], str | None]] = {
    "redirect_uris": _redirect_problem,
    "post_logout_redirect_uris": _back_problem,
    "initiate_login_uri": _page,
    "frontchannel_logout_uri": _page,
    "request_uris": lambda _client, uri: reach.address_problem(uri),  # its fragment may be a digest (OIDC Core 6.2)
    **dict.fromkeys(SHOWN, _shown_problem),
    **dict.fromkeys(FETCHED, _fetched_problem),
}
