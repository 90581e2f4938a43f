"""What the options of `create` and `update` make of a portal: one option each for what is often needed, `--set` for all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import orjson

from idp.cli import values
from idp.cli.clients.defaults import NEW
from idp.cli.output import Command
from idp.oidc.registration import fields, metadata
from idp.oidc.registration.fields import Kind
from idp.oidc.registration.metadata import Client


def options(command: Command) -> Command:
    """The options that `create` and `update` share; what is not given stays as it is."""
    for option in (
        click.option(
            "--set",
            "settings",
            multiple=True,
            metavar="NAME=VALUE",
            help="Any field of a file by its name; lists by spaces, objects as JSON or @FILE; nothing takes it away.",
        ),
        click.option(
            "--application-type", type=click.Choice(metadata.APPLICATION_TYPES), help="web, or native (an app)."
        ),
        click.option("--id-token-alg", type=click.Choice(metadata.SIGNING_ALGORITHMS), help="Signature of ID tokens."),
        click.option("--scope", help="Scopes that it may ask for, in quotes, separated by spaces."),
        click.option(
            "--grant-type", multiple=True, type=click.Choice(metadata.GRANT_TYPES), help="Repeat for several."
        ),
        click.option("--auth-method", type=click.Choice(metadata.AUTH_METHODS), help="How it proves itself."),
        click.option("--initiate-login-uri", help="Where a sign-in that was started here goes on (OIDC Core 4)."),
        click.option("--post-logout-redirect-uri", multiple=True, help="Where it may come back to after sign-out."),
        click.option("--redirect-uri", multiple=True, help="Where codes may be sent, exactly. Repeat for several."),
    ):
        command = option(command)
    return command


def _set(setting: str) -> dict[str, Any]:
    """The field of `name=value`, as the frozen Client holds it. Raises UsageError."""
    name, equals, text = setting.partition("=")
    kind = fields.OPERATOR.get(name)
    if kind is None or not equals:
        raise click.UsageError(f"--set {setting!r}: NAME=VALUE is expected, NAME one of {', '.join(fields.OPERATOR)}")
    if not text:
        return {name: getattr(NEW, name)}
    try:
        value = _READ[kind](text)
    except (ValueError, OSError):
        value = None
    if not fields.fits(kind, value):
        raise click.UsageError(f"--set {name}: {kind} is expected")
    return {name: fields.stored(value)}


def _object(text: str) -> Any:
    """JSON, or that of the file that is named after an @."""
    return orjson.loads(Path(text[1:]).read_bytes() if text.startswith("@") else text)


_READ: dict[Kind, Callable[[str], Any]] = {
    Kind.TEXT: str,
    Kind.TEXTS: str.split,
    Kind.NUMBER: int,
    Kind.FLAG: {"true": True, "false": False}.get,
    Kind.OBJECT: _object,
}

# Which field an option changes, and what it becomes; a None or empty option changes nothing.
_FIELDS: dict[str, tuple[str, Callable[[Client, Any], Any]]] = {
    "name": ("name", lambda _client, value: values.name(value)),
    "redirect_uri": ("redirect_uris", lambda _client, value: tuple(value)),
    "add_redirect_uri": ("redirect_uris", lambda client, value: client.redirect_uris + tuple(value)),
    "remove_redirect_uri": (
        "redirect_uris",
        lambda client, value: tuple(uri for uri in client.redirect_uris if uri not in value),
    ),
    "post_logout_redirect_uri": ("post_logout_redirect_uris", lambda _client, value: tuple(value)),
    "initiate_login_uri": ("initiate_login_uri", lambda _client, value: value or None),
    "auth_method": ("token_endpoint_auth_method", lambda _client, value: value),
    "grant_type": ("grant_types", lambda _client, value: tuple(value)),
    "scope": ("scope", lambda _client, value: " ".join(value.split())),
    "id_token_alg": ("id_token_signed_response_alg", lambda _client, value: value),
    "application_type": ("application_type", lambda _client, value: value),
    "default_portal": ("default_portal", lambda _client, value: value),
    "pkce": ("require_pkce", lambda _client, value: value),
}


def applied(client: Client, given: dict[str, Any]) -> Client:
    """The client with the options that were given. Raises UsageError."""
    for option, value in given.items():
        if option == "settings" or value is None or value == ():
            continue
        field, become = _FIELDS[option]
        client = replace(client, **{field: become(client, value)})
    for setting in given["settings"]:
        client = replace(client, **_set(setting))
    return client
