"""`idp terms`: the terms of use and the privacy policy that people accept. Published versions never change."""

from __future__ import annotations

from pathlib import Path

import click

from idp.cli.context import changing, dry_run_option, opened, record
from idp.cli.failures import Failure
from idp.cli.output import Output, output_option, rows, say
from idp.cli.output import record as print_record
from idp.cli.store import all_terms
from idp.database import reading
from idp.terms import store
from idp.terms.tables import Terms

_COLUMNS = ("version", "published_at", "terms_of_use_characters", "privacy_policy_characters")
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_LONGEST = 200_000


@click.group()
def command() -> None:
    """Terms of use and privacy policy."""


@command.command()
@click.option("--terms-of-use", type=_FILE, required=True, help="Text file, UTF-8: paragraphs, # titles, - lists.")
@click.option("--privacy-policy", type=_FILE, required=True, help="Text file, UTF-8.")
@dry_run_option
@output_option
def publish(terms_of_use: Path, privacy_policy: Path, dry_run: bool, output: Output) -> None:
    """Publish a new version; who activates an account from now on accepts this one.

    Example: idp terms publish --terms-of-use cgu.md --privacy-policy confidentialite.md
    """
    use, privacy = _text(terms_of_use), _text(privacy_policy)
    with opened() as deps, changing(dry_run=dry_run) as db:
        present = store.current(db)
        if present is not None and (present.terms_of_use, present.privacy_policy) == (use, privacy):
            say(f"version {present.version} says the same already: nothing is published")
            print_record(_row(present), output)
            return
        version = store.publish(db, terms_id=deps.new_id(), terms_of_use=use, privacy_policy=privacy, now=deps.now())
        record(db, deps, "terms-published", version=version)
        published = store.current(db)
        assert published is not None
        print_record(_row(published), output)


@command.command("list")
@output_option
def list_(output: Output) -> None:
    """All versions, newest first."""
    with opened(), reading() as db:
        found = [_row(one) for one in all_terms(db)]
    rows(found, _COLUMNS, output)


def _row(terms: Terms) -> dict[str, object]:
    return {
        "version": terms.version,
        "published_at": terms.published_at,
        "terms_of_use_characters": len(terms.terms_of_use),
        "privacy_policy_characters": len(terms.privacy_policy),
    }


def _text(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8-sig").strip()
    except UnicodeDecodeError:
        raise Failure(f"{path} is not UTF-8 text") from None
    if not text or len(text) > _LONGEST:
        raise Failure(f"{path}: 1 to {_LONGEST} characters are expected, not {len(text)}")
    return text.replace("\r\n", "\n")
