"""The composition root: settings and clock in, a WSGI application out. The only list of blueprints."""

from __future__ import annotations

import logging
from typing import Any

from flask import Flask

from idp import database, tables  # noqa: F401 - all tables must be known before the first statement
from idp.database import db
from idp.deps import Deps
from idp.digests import Digests
from idp.passwords.hashing import Hasher
from idp.settings import ROOT, Settings


def make_deps(settings: Settings, **replaced: Any) -> Deps:
    """The dependencies of all steps. replaced: fields of Deps to set otherwise, such as `now` in tests."""
    digests = Digests(settings.secret_key.get_secret_value())
    hasher = Hasher(
        digests,
        cost=settings.bcrypt_cost,
        concurrency=settings.hashing_concurrency,
        queue_limit=settings.hashing_queue_limit,
    )
    return Deps(settings=settings, digests=digests, hasher=hasher, **replaced)


def create_database_app(settings: Settings) -> Flask:
    """An application with the database and nothing else: what commands and the mail sender run in."""
    app = Flask("idp", static_folder=None, template_folder=str(ROOT / "templates"))
    url = settings.database_url.get_secret_value()
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = database.engine_options(
        url,
        pool_size=settings.database_pool_size,
        statement_timeout_seconds=settings.database_statement_timeout_seconds,
    )
    db.init_app(app)
    with app.app_context():
        database.prepare(db.engine)
    return app


def create_app(settings: Settings, deps: Deps | None = None) -> Flask:
    """The whole provider as a WSGI application."""
    # Authlib logs whole token responses at debug level.
    logging.getLogger("authlib").setLevel(logging.WARNING)
    deps = deps or make_deps(settings)
    app = create_database_app(settings)
    return app
