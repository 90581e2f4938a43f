"""The fixtures of `tests/cli/fixtures.py`."""

from tests.cli.fixtures import idp, no_settings, sqlite_idp, upgraded_postgres, upgraded_sqlite

__all__ = ["idp", "no_settings", "sqlite_idp", "upgraded_postgres", "upgraded_sqlite"]
