"""An application with the database and nothing else: what commands and migrations run in, and what the provider grows from.

Apart from `app.py`, because a command that lists portals must not load every page first: that took longer than its work.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask

from idp.database import db
from idp.engine import engine_options, prepare
from idp.settings import ROOT, Settings


class _Flask(Flask):
    """Flask without a question that it asks of each view and hook at each request: whether it is a coroutine."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func


def create_database_app(settings: Settings, *, serves: bool = False) -> Flask:
    """Flask with the settings' database, its connections set up; no page, no endpoint. serves: whether it will get them.

    Who writes imports `idp.tables` besides: rows can only be added once the tables that they refer to are known.
    """
    # `instance_path` is what a relative SQLite address is relative to: the folder that the program is started in.
    app = _Flask("idp", static_folder=None, template_folder=str(ROOT / "templates"), instance_path=str(Path.cwd()))
    app.config["DEBUG"] = False  # whatever FLASK_DEBUG says
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.database_url.get_secret_value()
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = engine_options(settings)
    db.init_app(app)
    with app.app_context():
        prepare(db.engine, serves=serves)
    return app
