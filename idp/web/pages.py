"""Rendering: one Jinja environment, the words of the page's language, the agency's brand, the strict CSP."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from flask import Flask, Response
from jinja2 import StrictUndefined
from markupsafe import Markup

from idp.brand import Brand
from idp.deps import Deps
from idp.errors import IdpError, PasswordTooWeak, TooManyAttempts
from idp.phones import national_phone
from idp.sessions.store import SignedIn
from idp.texts import Texts
from idp.web.browser import Browser, remember_browser
from idp.web.headers import content_security_policy
from idp.web.site import Place

_TOKENS = ("nonce", "csrf_token", "language_token")
_KEPT = 128  # pages, of some kilobytes each
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
        self._unlikely = deps.new_token(128)
        # Of a page with nothing of a person on it: it is the same for all who come to it, but for its tokens.
        self._parts = lru_cache(_KEPT)(self._parted)

    def __call__(self, template: str, *, place: Place, browser: Browser, status: int, **context: Any) -> Response:
        """The page as a response. context: what the template names, with `error` and `values` of its form."""
        nonce, error = self._deps.new_token(128), context.get("error")
        html = self._html(template, place, {"nonce": nonce, **context})
        response = Response(html, status=status, mimetype="text/html")
        response.headers["Content-Security-Policy"] = content_security_policy(nonce, place.targets)
        response.headers["Content-Language"] = place.language
        if isinstance(error, TooManyAttempts):
            seconds = (error.retry_at - self._deps.now()).total_seconds()
            response.headers["Retry-After"] = str(max(1, round(seconds)))
        if browser.new:
            remember_browser(response, self._deps, browser)
        return response

    def _html(self, template: str, place: Place, context: Mapping[str, Any]) -> str:
        tokens = {name: context[name] for name in _TOKENS if context[name]}
        said = {name: value for name, value in context.items() if name not in tokens and name != "values"}
        if of_somebody(place, said.values(), context["values"]):
            return self._rendered(template, place, context)
        if place.pending is not None:
            tokens["authorization"] = place.pending.id
            waiting = replace(place.pending, id=self._mark("authorization"), settled_by=_settled_by_nobody)
            place = replace(place, pending=waiting)
        parts = [
            *self._parts(template, place, frozenset(tokens), frozenset(said.items()), frozenset(context["values"]))
        ]
        parts[1::2] = [tokens[name] for name in parts[1::2]]
        return "".join(parts)

    def _parted(
        self,
        template: str,
        place: Place,
        tokens: Collection[str],
        said: Iterable[tuple[str, Any]],
        fields: Iterable[str],
    ) -> Sequence[str]:
        """A page around its tokens, whose names stand in their places."""
        marks = {name: self._mark(name) for name in tokens}
        html = self._rendered(template, place, {**dict(said), **marks, "values": dict.fromkeys(fields, "")})
        return re.split(f"{self._unlikely}-([a-z_]+)-", html)

    def _mark(self, name: str) -> str:
        """Of the signs that tokens have, and nothing that anybody could write."""
        return f"{self._unlikely}-{name}-"

    def _rendered(self, template: str, place: Place, context: Mapping[str, Any]) -> str:
        texts = self._texts[place.language]
        return self._app.jinja_env.get_template(template).render(
            t=texts,
            place=place,
            agency=place.agency,
            brand=Brand.of(place.agency.brand_color if place.agency else None),
            messages=messages(texts, context.get("error")),
            **context,
        )


def of_somebody(place: Place, said: Iterable[object], values: Mapping[str, str]) -> bool:
    """Whether a page may hold what is one person's, apart from tokens. said, values: what the template names, and fields."""
    hinted = place.pending is not None and place.pending.login_hint
    return (
        bool(hinted)
        or any(values.values())
        or not all(one is None or isinstance(one, bool) or one == "" for one in said)
    )


def _settled_by_nobody(_: SignedIn) -> bool:
    return False


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
