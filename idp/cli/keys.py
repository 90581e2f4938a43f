"""`idp keys`: the keys of tokens. Private keys are never shown."""

from __future__ import annotations

import click

from idp.cli.context import changing, dry_run_option, opened, record
from idp.cli.failures import Conflict, NotFound
from idp.cli.ids import TakesId
from idp.cli.output import Output, output_option, rows, say
from idp.cli.output import record as print_record
from idp.database import reading
from idp.oidc.keys import flow, steps, store
from idp.oidc.keys.flow import StoredKey

_COLUMNS = ("kid", "algorithm", "state", "created_at", "signs_from", "retired_at")


@click.group()
def command() -> None:
    """Keys that sign tokens, and keys that portals encrypt their requests to."""


@command.command("list")
@output_option
def list_(output: Output) -> None:
    """All keys, oldest first: waiting for their turn, in use, replaced and still known, or retired."""
    with opened() as deps:
        with reading() as db:
            stored = store.keys(db, deps)
        now = deps.now()
    rows([{**_plain(key), "state": flow.state(key, stored, now=now).value} for key in stored], _COLUMNS, output)


@command.command()
@click.option("--algorithm", type=click.Choice(flow.ALGORITHMS), required=True, help="Which kind of key to replace.")
@click.option("--at-once", is_flag=True, help="Sign with it in a few seconds. Portals may have to read keys again.")
@dry_run_option
@output_option
def rotate(algorithm: str, at_once: bool, dry_run: bool, output: Output) -> None:
    """Publish a new key; it signs after the publication delay, and the present one retires after the retention.

    Keys are also replaced by themselves once they are `key_rotation_days` old. For a key that leaked: `idp keys retire`.

    Example: idp keys rotate --algorithm ES256
    """
    with opened() as deps:
        pair = steps.make(algorithm)
        with changing(dry_run=dry_run) as db:
            key = steps.rotate(db, deps, pair, at_once=at_once)
            if key is None:
                raise Conflict(f"somebody else replaced the {algorithm} key at this moment: `idp keys list`")
            record(db, deps, "key-rotated", kid=key.kid, algorithm=algorithm, at_once=at_once)
            say(f"the new {algorithm} key is used from {key.signs_from:%Y-%m-%d %H:%M:%S} UTC")
            print_record(_plain(key), output)


@command.command(cls=TakesId, context_settings={"ignore_unknown_options": True})
@click.argument("kid")
@click.option("--at-once", is_flag=True, help="For a leaked key: refuse what it signed, in a few seconds.")
@dry_run_option
def retire(kid: str, at_once: bool, dry_run: bool) -> None:
    """End a key that was replaced, as soon as no token that it signed lives; with --at-once any key, whatever lives.

    A key that is retired at once while it signs is replaced in the same moment.

    Example: idp keys retire --at-once bRqqsD3UmjVhY4bDyGwTJWXjVdtLlmC2ZMV3C-PVNmE
    """
    with opened() as deps:
        spare = steps.spare_for(deps, kid) if at_once else None
        with changing(dry_run=dry_run) as db:
            try:
                ends = steps.retire_at_once(db, deps, kid, spare) if at_once else steps.retire(db, deps, kid)
            except steps.StillSigning:
                raise Conflict(
                    "this key is in use: `idp keys rotate` replaces it, --at-once ends it all the same"
                ) from None
            if ends is None:
                raise NotFound(f"there is no key {kid!r}, or it is retired: `idp keys list`")
            record(db, deps, "key-retired", kid=kid, at_once=at_once)
            say(f"the key retires at {ends:%Y-%m-%d %H:%M:%S} UTC")


@command.command()
@click.option("--yes", is_flag=True, help="Do it: what the forgotten keys signed is refused.")
@dry_run_option
def renew(yes: bool, dry_run: bool) -> None:
    """After `secret_key` was replaced: forget the keys that it cannot open, and make new ones.

    Passwords were kept under the old secret too: people choose a new one by "Mot de passe oublié". Keys that the present
    secret opens stay.

    Example: idp keys renew --yes
    """
    if not (yes or dry_run):
        raise Conflict(
            "nothing was changed: tokens of keys that cannot be opened will be refused; --yes if that is meant"
        )
    with opened() as deps:
        with changing(dry_run=dry_run) as db:
            lost = steps.renew(db, deps)
            record(db, deps, "keys-renewed", forgotten=lost)
        if not dry_run:
            steps.ensure(deps)
        say(f"{lost} keys that cannot be opened are forgotten")


def _plain(key: StoredKey) -> dict[str, object]:
    return {
        "kid": key.kid,
        "algorithm": key.algorithm,
        "created_at": key.created_at,
        "signs_from": key.signs_from,
        "retired_at": key.retired_at,
    }
