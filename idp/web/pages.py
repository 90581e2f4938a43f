"""Rendering: one Jinja environment, the words of the page's language, the agency's brand, the strict CSP."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask, Response
from jinja2 import StrictUndefined
from markupsafe import Markup

from idp.brand import Brand
from idp.deps import Deps
from idp.errors import IdpError, PasswordTooWeak, TooManyAttempts
from idp.phones import national_phone
from idp.texts import Texts
from idp.web.browser import Browser, remember_browser
from idp.web.headers import content_security_policy

STATIC = Path(__file__).resolve().parent.parent / "static"


class Renderer:
    """Makes pages. Callable as `Site.render`."""

    def __init__(self, app: Flask, deps: Deps) -> None:
        self._app = app
        self._deps = deps
        self._texts = {language: Texts(language, deps.settings.timezone) for language in ("fr", "en")}
        environment = app.jinja_env
        environment.undefined = StrictUndefined
        environment.trim_blocks = environment.lstrip_blocks = True
        environment.globals["static"] = static_url
        environment.filters["phone"] = national_phone

    def __call__(self, template: str, *, place: Any, browser: Browser, status: int, **context: Any) -> Response:
        """The page as a response. context: what the template names, with `error` and `values` of its form."""
        texts = self._texts[place.language]
        nonce = self._deps.new_token(128)
        error = context.get("error")
        html = self._app.jinja_env.get_template(template).render(
            t=texts,
            place=place,
            agency=place.agency,
            brand=Brand.of(place.agency.brand_color if place.agency else None),
            nonce=nonce,
            messages=messages(texts, error),
            **context,
        )
        response = Response(html, status=status, mimetype="text/html")
        response.headers["Content-Security-Policy"] = content_security_policy(nonce, place.targets)
        response.headers["Content-Language"] = place.language
        if isinstance(error, TooManyAttempts):
            seconds = (error.retry_at - self._deps.now()).total_seconds()
            response.headers["Retry-After"] = str(max(1, round(seconds)))
        if browser.new:
            remember_browser(response, self._deps, browser)
        return response


def messages(texts: Texts, error: IdpError | None) -> list[tuple[str | None, str]]:
    """(field, words) of what went wrong, for the summary on top and the line by the field."""
    if error is None:
        return []
    if isinstance(error, PasswordTooWeak):
        names = [texts(f"passwords.unmet.{name}") for name in error.unmet]
        return [(error.field, texts(error.text, unmet=" ; ".join(names)))]
    if isinstance(error, TooManyAttempts):  # told to the minute, so rounded up: who comes back then is let in
        return [(error.field, texts(error.text, retry_at=error.retry_at + timedelta(seconds=59)))]
    return [(error.field, texts(error.text, **error.facts))]


@cache
def static_url(name: str) -> Markup:
    """The address of a static file, with a digest of its content so that it can be cached for ever."""
    return Markup(f"/static/{name}?v={static_digest(name)}")  # noqa: S704 - both parts are ours


@cache
def static_digest(name: str) -> str:
    """Of the content of a file that there is: what its address says as `v`."""
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
