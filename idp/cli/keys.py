"""`idp keys`: the signing keys of tokens. Private keys are never shown."""

from __future__ import annotations

from datetime import datetime

import click

from idp.cli.context import changing, dry_run_option, opened, record
from idp.cli.output import Output, output_option, rows, say
from idp.cli.output import record as print_record
from idp.database import reading
from idp.oidc.keys import keyring, store
from idp.oidc.keys.store import StoredKey

_COLUMNS = ("kid", "algorithm", "state", "created_at", "signs_from", "retired_at")


@click.group()
def command() -> None:
    """Signing keys of tokens."""


@command.command("list")
@output_option
def list_(output: Output) -> None:
    """All keys, oldest first: retired, signing now, or published and waiting for their turn."""
    with opened() as deps:
        with reading() as db:
            stored = store.keys(db, deps)
        now = deps.now()
    rows([{**_plain(key), "state": _state(key, stored, now)} for key in stored], _COLUMNS, output)


@command.command()
@click.option("--algorithm", type=click.Choice(keyring.ALGORITHMS), required=True, help="Which kind of key to replace.")
@click.option(
    "--at-once", is_flag=True, help="Sign with it now: for a leaked key. Portals may have to read keys again."
)
@dry_run_option
@output_option
def rotate(algorithm: str, at_once: bool, dry_run: bool, output: Output) -> None:
    """Publish a new key; it signs after the publication delay, and the present one retires after the retention.

    Example: idp keys rotate --algorithm ES256
    """
    with opened() as deps, changing(dry_run=dry_run) as db:
        key = keyring.rotate(db, deps, algorithm, at_once=at_once)
        record(db, deps, "key-rotated", kid=key.kid, algorithm=algorithm, at_once=at_once)
        say(f"the new {algorithm} key signs from {key.signs_from:%Y-%m-%d %H:%M} UTC")
        print_record(_plain(key), output)


def _plain(key: StoredKey) -> dict[str, object]:
    return {
        "kid": key.kid,
        "algorithm": key.algorithm,
        "created_at": key.created_at,
        "signs_from": key.signs_from,
        "retired_at": key.retired_at,
    }


def _state(key: StoredKey, stored: list[StoredKey], now: datetime) -> str:
    """What the key does now: the newest of its algorithm whose turn has come signs."""
    if key.retired_at is not None and key.retired_at <= now:
        return "retired"
    if key.signs_from > now:
        return "published"
    signing = [other.kid for other in stored if other.algorithm == key.algorithm and other.signs_from <= now][-1]
    return "signing" if key.kid == signing else "verifying"
