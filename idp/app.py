"""The composition root: settings and clock in, a WSGI application out. The only list of blueprints."""

from __future__ import annotations

import logging
from contextlib import nullcontext
from typing import Any

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from idp import patience, tables  # noqa: F401 - all tables must be known before the first statement
from idp.database_app import create_database_app
from idp.deps import Deps, shared_memory
from idp.digests import Digests
from idp.journey import Journey
from idp.login import views as login_views
from idp.merge import views as merge_views
from idp.oidc import discovery
from idp.oidc.authorize import views as authorize_views
from idp.oidc.calls import Calls
from idp.oidc.consent import views as consent_views
from idp.oidc.logout import views as logout_views
from idp.oidc.provider import Provider
from idp.oidc.registration import views as registration_views
from idp.oidc.server import Server
from idp.oidc.token import views as token_views
from idp.passwords.hashing import Hasher
from idp.profile import views as profile_views
from idp.reset import views as reset_views
from idp.settings import Settings
from idp.turns import Turns
from idp.upgrade import views as upgrade_views
from idp.web import errors, headers, health, static, timing
from idp.web.pages import Renderer
from idp.web.site import Site
from idp.web.work import Work


def make_deps(settings: Settings, *, turns: Turns | None = None, **replaced: Any) -> Deps:
    """The dependencies of all steps. replaced: fields of Deps to set otherwise, such as `now` in tests.

    turns: those of the worker that answers requests.
    """
    digests = Digests(settings.secret_key.get_secret_value())
    hasher = Hasher(
        digests,
        cost=settings.bcrypt_cost,
        concurrency=settings.hashing_concurrency,
        queue_limit=settings.hashing_queue_limit,
        aside=turns.given_away if turns is not None else nullcontext,
    )
    return Deps(settings=settings, digests=digests, hasher=hasher, shared=shared_memory(settings), **replaced)


def create_app(settings: Settings, deps: Deps | None = None, provider: Provider | None = None) -> Flask:
    """The whole provider as a WSGI application. provider: what the protocol's endpoints share, made here when not given."""
    # Whoever configures logging otherwise: Authlib prints whole token responses at debug level.
    logging.getLogger("authlib").setLevel(logging.WARNING)
    deps = deps or make_deps(settings)
    app = create_database_app(settings, serves=True)
    app.config["MAX_CONTENT_LENGTH"] = settings.request_body_limit_bytes
    app.config["MAX_FORM_MEMORY_SIZE"] = settings.request_body_limit_bytes
    provider = provider or Provider.of(deps)
    journey = Journey(deps, provider)
    called = token_views.endpoints(provider, Server(provider))
    if not settings.traces_endpoint:  # traces hang on Flask's hooks, so what is traced goes through Flask
        in_front = {**called, **authorize_views.in_front(provider, journey.next_page)}
        app.wsgi_app = Calls(in_front, app, most=settings.request_body_limit_bytes)  # type: ignore[method-assign]
    app.wsgi_app = Work(app.wsgi_app, deps)  # type: ignore[method-assign]
    app.wsgi_app = headers.Secured(app.wsgi_app, settings)  # type: ignore[method-assign]
    if settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.trusted_proxies, x_proto=0)  # type: ignore[method-assign]

    renderer = Renderer(app, deps)
    site = Site(
        deps, journey.next_page, journey.pending, journey.targets, journey.portal, journey.opens, render=renderer
    )
    for blueprint in (
        login_views.blueprint(site),
        upgrade_views.blueprint(site),
        merge_views.blueprint(site),
        reset_views.blueprint(site),
        profile_views.blueprint(site),
        discovery.blueprint(settings, provider.keyring),
        authorize_views.blueprint(site, provider),
        token_views.blueprint(called, most=settings.request_body_limit_bytes),
        registration_views.blueprint(deps),
        consent_views.blueprint(site, provider),
        logout_views.blueprint(site, provider),
        health.blueprint(provider.keyring.ready),
        static.blueprint(),
    ):
        app.register_blueprint(blueprint)
    views: dict[str, Any] = app.view_functions
    for name, view in views.items():
        views[name] = patience.again(view)
    errors.register(app, site)

    if settings.metrics_bind:
        timing.install(app)
    if settings.traces_endpoint:
        # Loaded where it is wanted only: the library is not small, and an extra.
        from idp import traces

        traces.install(app, settings)

    return app
