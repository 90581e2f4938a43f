"""Opening the provider for a command: settings, database, dependencies; changing it, with dry run and audit."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click
from flask import Flask
from sqlalchemy.orm import Session

from idp.cli.output import say
from idp.database import db, transaction
from idp.database_app import create_database_app
from idp.deps import Deps, shared_memory
from idp.digests import Digests
from idp.migrations import require_current
from idp.restoration.epochs.steps import require_settled
from idp.settings import Settings, load

if TYPE_CHECKING:
    from idp.passwords.hashing import Hasher

Command = TypeVar("Command", bound=Callable[..., Any])


class _NoHasher:
    """Stands where commands hash nothing: a real one is loaded with its threads, its queue and the rules of passwords."""

    def __getattr__(self, name: str) -> Any:
        raise NotImplementedError("this command was not meant to hash passwords")


@contextmanager
def opened(*, any_epoch: bool = False, only_lists: bool = False) -> Iterator[Deps]:
    """The dependencies of a command, inside the application context of its database.

    any_epoch: also with a database that was put back from a backup, for what settles that. only_lists: the command
    writes nothing, and does without the tables that it does not import.
    Raises SettingsError, SchemaError, Unsettled, and SQLAlchemy's OperationalError when the database is away.
    """
    settings = load()
    with database(settings, only_lists=only_lists) as app:
        require_current(app)
        if not any_epoch:
            require_settled()
        yield light_deps(settings)


@contextmanager
def database(settings: Settings, *, only_lists: bool = False) -> Iterator[Flask]:
    """The application of the settings' database, its context pushed; connections are closed at the end."""
    if not only_lists:
        import idp.tables  # noqa: F401 - a sixth of the time of a short command
    app = create_database_app(settings)
    with app.app_context():
        try:
            yield app
        finally:
            db.engine.dispose()


def light_deps(settings: Settings) -> Deps:
    """Dependencies without a password hasher."""
    digests = Digests(settings.secret_key.get_secret_value())
    return Deps(settings=settings, digests=digests, hasher=cast("Hasher", _NoHasher()), shared=shared_memory(settings))


def dry_run_option(command: Command) -> Command:
    """Adds `--dry-run` to a command that changes things."""
    return click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")(command)


class _Undo(Exception):
    """Ends a dry run's transaction."""


@contextmanager
def changing(*, dry_run: bool) -> Iterator[Session]:
    """A transaction; a dry run does everything, constraints included, and rolls it back."""
    try:
        with transaction() as session:
            yield session
            if dry_run:
                raise _Undo  # noqa: TRY301 - the way to roll back from inside
    except _Undo:
        say("dry run: nothing was changed")


def require_yes(question: str, doing: str, *, yes: bool, dry_run: bool) -> None:
    """Ask before what cannot be undone, unless --yes or --dry-run was given. doing: as in "erasing asks for --yes".

    Raises UsageError where there is nobody to ask, Abort when the answer is no.
    """
    if yes or dry_run:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(f"{doing} asks for --yes when nobody is at the terminal")
    click.confirm(question, abort=True, err=True)


def record(
    session: Session,
    deps: Deps,
    name: str,
    *,
    subject: str | None = None,
    agency_id: str | None = None,
    **details: Any,
) -> None:
    """Write the audit event of a command. name: without its source, such as `client-created`."""
    from idp.audit import store as audit_store  # a command that only lists does without the trail

    audit_store.record(session, deps, f"cli.{name}", subject=subject, agency_id=agency_id, cause=operator(), **details)


def operator() -> str:
    """Who is at the terminal, as the operating system knows them; also who became root for it."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())  # a container's user has a number and often no name
    behind = os.environ.get("SUDO_USER")
    return f"os:{user}{f' ({behind})' if behind and behind != user else ''}"[:64]
