"""The provider for any WSGI server: `idp.wsgi:create` is a factory that reads the settings of the environment.

`idp serve` runs it under granian; `gunicorn 'idp.wsgi:create()'` works too.
"""

from __future__ import annotations

from flask import Flask

from idp import logs
from idp.app import create_app
from idp.settings import load


def create() -> Flask:
    """The application, with settings as `idp config show` prints them. Raises SettingsError."""
    settings = load()
    logs.configure(settings.log_level)
    return create_app(settings)
