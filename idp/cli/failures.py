"""How a command fails: an exit code that scripts can rely on, and one sentence on stderr."""

from __future__ import annotations

import sys
from enum import IntEnum
from typing import IO, Any

import click


class ExitCode(IntEnum):
    """Stable: scripts test them. 0 is success."""

    FAILURE = 1
    USAGE = 2
    NOT_FOUND = 3
    CONFLICT = 4  # already exists, or a plan that has changes
    AWAY = 5  # the database or the mail server does not answer
    INTERRUPTED = 130


class Failure(click.ClickException):
    """Ends the command with a sentence; the class says the code."""

    exit_code = ExitCode.FAILURE

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"idp: {self.format_message()}", file=file or sys.stderr)


class NotFound(Failure):
    exit_code = ExitCode.NOT_FOUND


class Conflict(Failure):
    exit_code = ExitCode.CONFLICT


class Away(Failure):
    exit_code = ExitCode.AWAY


class Interrupted(Failure):
    exit_code = ExitCode.INTERRUPTED

    def __init__(self, message: str = "interrupted") -> None:
        super().__init__(message)


_SAY_IT_THEMSELVES = {
    "idp.migrations.SchemaError",
    "idp.oidc.keys.store.KeyUnreadable",
    "idp.restoration.backup.NoBackup",
    "idp.restoration.epochs.steps.Unsettled",
}


def explained(error: Exception) -> Failure:
    """The sentence and code of an exception that reached the top. Never repeats statements or their values."""
    # Looked up, not imported: a command that never touched the database must not load it in order to fail.
    known = {f"{kind.__module__}.{kind.__name__}" for kind in type(error).__mro__}
    if "idp.settings.SettingsError" in known:
        return Failure("the settings cannot be used: " + str(error).replace("\n", "; "))
    if known & _SAY_IT_THEMSELVES:
        return Failure(str(error))
    if isinstance(error, OSError) and error.strerror:
        where = f": {error.filename}" if error.filename else ""
        return Failure(f"{error.strerror}{where}")
    if "sqlalchemy" in sys.modules and (found := _of_database(error)) is not None:
        return found
    return Failure(f"unexpected {type(error).__name__}: {_first_line(error)} (`idp --debug …` shows where)")


def _of_database(error: Exception) -> Failure | None:
    from sqlalchemy import exc

    if isinstance(error, exc.IntegrityError):
        return Conflict(f"this contradicts what is stored: {_first_line(error.orig)}")
    if isinstance(error, exc.OperationalError | exc.InterfaceError | exc.TimeoutError):
        return Away(f"the database does not answer: {_first_line(getattr(error, 'orig', None) or error)}")
    if isinstance(error, exc.DBAPIError):
        return Failure(f"the database refused: {_first_line(error.orig)}")
    if isinstance(error, exc.ArgumentError):
        return Failure("database_url cannot be understood: sqlite:///file or postgresql+psycopg://… is expected")
    return None


def _first_line(error: object) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
