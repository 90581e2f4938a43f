"""The provider for any WSGI server: `idp.wsgi:create` is a factory that reads the settings of the environment.

`idp serve` runs it under granian; `gunicorn 'idp.wsgi:create()'` works too.
"""

from __future__ import annotations

from flask import Flask

from idp import background, logs, metrics
from idp.app import create_app, make_deps
from idp.settings import load


def create() -> Flask:
    """The application, with settings as `idp config show` prints them. Raises SettingsError."""
    settings = load()
    logs.configure(settings.log_level)
    if settings.metrics_bind:
        metrics.enable()
    deps = make_deps(settings)
    app = create_app(settings, deps)
    if settings.metrics_bind:
        # Loaded where it is wanted only: the library is not small.
        from idp import exporter

        exporter.start(app, deps)
    background.start(app, deps)
    return app
