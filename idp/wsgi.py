"""The provider for any WSGI server: `idp.wsgi:create` is a factory that reads the settings of the environment.

`idp serve` runs it under granian; `gunicorn 'idp.wsgi:create()'` works too.
"""

from __future__ import annotations

import logging

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from idp import background, logs, metrics, patience
from idp.app import create_app, make_deps
from idp.oidc.keys.keyring import Keyring
from idp.oidc.provider import Provider
from idp.settings import Settings, load
from idp.turns import Turns

log = logging.getLogger(__name__)


def create() -> Flask:
    """The application, with settings as `idp config show` prints them. Raises SettingsError."""
    settings = load()
    logs.configure(settings.log_level)
    if settings.metrics_bind:
        metrics.enable()
    turns = Turns(settings.threads_per_worker)
    deps = make_deps(settings, turns=turns)
    provider = Provider.of(deps)
    app = create_app(settings, deps, provider)
    app.wsgi_app = turns.around(app.wsgi_app)  # type: ignore[method-assign,assignment]
    _read_keys(app, settings, provider.keyring)
    if settings.metrics_bind:
        # Loaded where it is wanted only: the library is not small.
        from idp import exporter

        exporter.start(app, deps)
    background.start(app, deps, provider.keyring)
    if deps.shared is not None:
        background.listen(deps.shared, provider.keyring)
    return app


def _read_keys(app: Flask, settings: Settings, keyring: Keyring) -> None:
    """Before the first request: a worker that knows the keys publishes them while the database is away, a new one could not.

    Where the database is away already the service starts all the same, and `/health/ready` says so.
    """
    patience.begin(settings.database_wait_seconds)
    try:
        with app.app_context():
            keyring.public()
    except SQLAlchemyError as error:
        log.warning("keys not read yet", extra={"error": type(error).__name__})
    finally:
        patience.end()
