"""The program of a command: the database and nothing of the web, which takes longer to load than most commands to run."""

from __future__ import annotations

from idp.database import AtWork
from idp.engine import connect
from idp.settings import Settings


class DatabaseApp:
    """What commands and migrations run in, where the provider has Flask."""

    def __init__(self, settings: Settings) -> None:
        self._engine = connect(settings)

    def app_context(self) -> AtWork:
        return AtWork(self._engine)


def create_database_app(settings: Settings) -> DatabaseApp:
    """The program of the settings' database.

    Who writes imports `idp.tables` besides: rows can only be added once the tables that they refer to are known.
    """
    return DatabaseApp(settings)
