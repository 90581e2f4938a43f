"""`idp clients test`: does everything that a portal registered work from here? One line a check, as in `idp doctor`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import click

from idp.cli.checks import Finding, Level
from idp.cli.clients.listing import existing
from idp.cli.context import opened
from idp.cli.doctor import print_finding
from idp.cli.failures import ExitCode
from idp.cli.output import Output, output_option, rows
from idp.database import reading
from idp.deps import Deps
from idp.oidc import fetch
from idp.oidc.fetch import FetchFailed
from idp.oidc.registration import client_keys, rules, uris
from idp.oidc.registration.document import MetadataRefused
from idp.oidc.registration.metadata import AUTH_SIGNING_ALGORITHMS, Client
from idp.oidc.registration.steps import require_sector


@click.command()
@click.argument("client_id")
@output_option
@click.pass_context
def test(ctx: click.Context, client_id: str, output: Output) -> None:
    """Try what a portal registered: its addresses, keys, documents and logout. Exit code 1 when something fails.

    Its back-channel logout address is posted an empty form, which it should refuse; nobody is signed out.
    """
    with opened() as deps:
        with reading() as db:
            client = existing(db, deps, client_id)
        found = list(_all(deps, client))
    if output is Output.TABLE:
        for finding in found:
            print_finding(finding)
    else:
        plain = [{"check": one.check, "level": one.level.value, "detail": one.detail} for one in found]
        rows(plain, ("check", "level", "detail"), output)
    if any(one.level is Level.BROKEN for one in found):
        ctx.exit(ExitCode.FAILURE)


def _all(deps: Deps, client: Client) -> Iterator[Finding]:
    yield _registration(deps, client)
    yield _proof(deps, client)
    yield from _hosts(deps, client)
    for name, try_it in _DOCUMENTS.items():
        if getattr(client, name):
            yield try_it(deps, client)
    for uri in client.request_uris:
        yield _loads(deps, "request_uris", uri)


def _registration(deps: Deps, client: Client) -> Finding:
    wrong = rules.problems(client, deps.settings)
    if wrong:
        return Finding("registration", Level.BROKEN, "; ".join(wrong))
    if client.disabled_at is not None:
        return Finding("registration", Level.CARE, "it is disabled: `idp clients enable` opens it again")
    return Finding("registration", Level.READY, "every field is in order")


def _proof(deps: Deps, client: Client) -> Finding:
    """Whether it has what it must prove itself with."""
    method = client.token_endpoint_auth_method
    if client.public:
        return Finding("proof", Level.READY, "none, with PKCE")
    if client.has_secret:
        level = Level.READY if client.secret_digests else Level.BROKEN
        return Finding("proof", level, f"{method}, {len(client.secret_digests)} secrets")
    chosen = client.token_endpoint_auth_signing_alg
    algorithms = AUTH_SIGNING_ALGORITHMS[method] if chosen is None else (chosen,)
    usable = [one for one in algorithms if client_keys.find(deps, client, kid=None, algorithm=one, use="sig")]
    if not usable:
        return Finding("proof", Level.BROKEN, f"{method}, and no key for any of {', '.join(algorithms)}")
    return Finding("proof", Level.READY, f"{method}, keys for {', '.join(usable)}")


def _hosts(deps: Deps, client: Client) -> Iterator[Finding]:
    """Whether the names that people are sent to can be found."""
    for host in sorted({h for _, uri in uris.registered(client) if (h := urlsplit(uri).hostname) is not None}):
        if uris.loopback(host):
            continue
        try:
            found = ", ".join(deps.resolve(host, 443)[:3])
        except (OSError, UnicodeError):
            yield Finding("host", Level.BROKEN, f"{host} has no address: people cannot be sent there")
        else:
            yield Finding("host", Level.READY, f"{host} is at {found}")


def _loads(deps: Deps, name: str, uri: str) -> Finding:
    try:
        return Finding(name, Level.READY, f"{uri} answers, {len(fetch.get(deps, uri))} bytes")
    except FetchFailed as failed:
        return Finding(name, Level.BROKEN, f"{uri}: {failed.reason}")


def _sector(deps: Deps, client: Client) -> Finding:
    try:
        require_sector(deps, client)
    except MetadataRefused as refused:
        return Finding("sector_identifier_uri", Level.BROKEN, str(refused))
    return Finding("sector_identifier_uri", Level.READY, "it lists every redirect address")


def _logout(deps: Deps, client: Client) -> Finding:
    uri = str(client.backchannel_logout_uri)
    try:
        status = fetch.post(deps, uri, {})
    except FetchFailed as failed:
        return Finding("backchannel_logout_uri", Level.BROKEN, f"{uri}: {failed.reason}")
    if status == 400:
        return Finding("backchannel_logout_uri", Level.READY, f"{uri} refuses an empty request, as it should")
    level = Level.CARE if status < 300 else Level.BROKEN
    return Finding("backchannel_logout_uri", level, f"{uri} answers {status} to an empty request, not 400")


_DOCUMENTS: dict[str, Callable[[Deps, Client], Finding]] = {
    "jwks_uri": lambda deps, client: _loads(deps, "jwks_uri", str(client.jwks_uri)),
    "sector_identifier_uri": _sector,
    "backchannel_logout_uri": _logout,
}
