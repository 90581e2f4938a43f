"""The portal as a WSGI application: its parts put together, and the headers that every answer carries."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException

from clients.portal import brand
from clients.portal.attempts import Attempts
from clients.portal.cookies import Cookies
from clients.portal.provider import Provider, ProviderAway, SignInRefused
from clients.portal.sessions import Sessions
from clients.portal.settings import PortalSettings
from clients.portal.views import Views


def create_portal(settings: PortalSettings) -> Flask:
    """A portal for one agency, ready to be served."""
    app = Flask("clients.portal", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = 16 * 1024
    app.jinja_env.globals["portal"] = settings
    views = Views(settings, Provider(app, settings), Attempts(settings.secret_key), Sessions(), Cookies(settings))
    app.register_blueprint(views.blueprint())
    _add_style(app, settings)
    _add_headers(app, settings)
    _add_problem_pages(app)
    return app


def _add_style(app: Flask, settings: PortalSettings) -> None:
    """The stylesheet with the agency's colour in it, made once: a strict CSP allows no style in the page."""
    with app.open_resource("static/portal.css", "r", encoding="utf-8") as file:
        style = file.read().replace("#1f4e79", brand.readable(settings.brand_color))
    with app.open_resource("static/icon.svg", "r", encoding="utf-8") as file:
        icon = file.read().replace("#1f4e79", brand.readable(settings.brand_color))

    @app.get("/portail.css")
    def stylesheet() -> Response:
        return _cached(style, "text/css")

    @app.get("/icone.svg")
    def icon_image() -> Response:
        return _cached(icon, "image/svg+xml")


def _cached(text: str, mimetype: str) -> Response:
    answer = Response(text, mimetype=mimetype)
    answer.cache_control.max_age = 3600
    answer.cache_control.public = True
    answer.add_etag()
    answer.make_conditional(request)
    return answer


def _add_headers(app: Flask, settings: PortalSettings) -> None:
    # Browsers apply form-action to the redirects of a form too, and signing out goes on to the provider.
    issuer = urlsplit(settings.issuer)
    policy = (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
        f"form-action 'self' {issuer.scheme}://{issuer.netloc}"
    )

    @app.after_request
    def headers(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = policy
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"  # `/retour` has a code in its address
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        response.headers.setdefault("Cache-Control", "no-store")
        if settings.secure:
            response.headers["Strict-Transport-Security"] = "max-age=31536000"
        return response


def _add_problem_pages(app: Flask) -> None:
    """Every failure is a page in plain French with a way on; what it was goes to the log."""

    def page(kind: str, status: int, code: str = "") -> tuple[str, int]:
        return render_template("problem.html", kind=kind, code=code), status

    @app.errorhandler(SignInRefused)
    def refused(error: SignInRefused) -> tuple[str, int]:
        app.logger.warning("sign-in refused: %s", error.code)
        kinds = {"access_denied": "interrupted", "temporarily_unavailable": "away", "server_error": "away"}
        return page(kinds.get(error.code, "refused"), 400, error.code)

    @app.errorhandler(ProviderAway)
    def away(error: ProviderAway) -> tuple[str, int, dict[str, str]]:
        app.logger.warning("provider away: %r", error.__cause__)
        return (*page("away", 503), {"Retry-After": "10"})

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> tuple[str, int]:
        status = error.code or 500
        return page("not_found" if status == 404 else "unexpected", status)
