"""The cookies: a random key that names a browser, the secret of its sign-in, marks of the addresses that were proven
at it, the agency last signed in at, a language.

The browser key proves "same browser" for flows and anti-forgery, and is never overwritten while it is valid, so tabs
cannot disturb each other. It signs nobody in. All are host-only, HttpOnly and SameSite=Lax; over https the
first three carry the `__Host-` prefix, which a neighbouring subdomain cannot plant.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from flask import Request, Response
from werkzeug.http import dump_cookie

from idp.deps import Deps
from idp.digests import Kind
from idp.settings import Settings
from idp.texts import LANGUAGES
from idp.throttle.devices import MOST, Device

_BROWSER_DAYS = 400  # the longest that browsers keep a cookie
_AGENCY = "agency"
_LANGUAGE = "language"
_KEY = re.compile(r"[A-Za-z0-9_-]{43}")
_MARK = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Browser:
    """A browser: its key, the digest that rows keep of it, and whether the key must still be given to it."""

    key: str = field(repr=False)
    digest: str
    new: bool


def browser_cookie(settings: Settings) -> str:
    return "__Host-browser" if settings.secure else "browser"


def session_cookie(settings: Settings) -> str:
    return "__Host-session" if settings.secure else "session"


def recognise(cookies: Mapping[str, str], deps: Deps) -> Browser:
    """The browser of a request; a new key for one without, or with something that is no key of ours."""
    key = cookies.get(browser_cookie(deps.settings), "")
    new = _KEY.fullmatch(key) is None
    if new:
        key = deps.new_token(256)
    return Browser(key, deps.digests.digest(Kind.BROWSER, key), new)


def session_token(cookies: Mapping[str, str], deps: Deps) -> str | None:
    """The secret of the browser's sign-in, as presented."""
    token = cookies.get(session_cookie(deps.settings), "")
    return token if _KEY.fullmatch(token) else None


def remember_browser(response: Response, deps: Deps, browser: Browser) -> None:
    response.headers.add("Set-Cookie", key_kept(deps, browser))


def key_kept(deps: Deps, browser: Browser) -> str:
    """The Set-Cookie header that gives a browser its key."""
    return _cookie(deps, browser_cookie(deps.settings), browser.key, days=_BROWSER_DAYS)


def device_cookie(settings: Settings) -> str:
    return "__Host-device" if settings.secure else "device"


def device(request: Request, deps: Deps, browser: Browser) -> Device:
    """The browser as throttling counts it, with the marks that it presents."""
    presented = request.cookies.get(device_cookie(deps.settings), "")
    return Device(browser.digest, tuple(_MARK.findall(presented)[:MOST]))


def remember_device(response: Response, deps: Deps, marks: tuple[str, ...]) -> None:
    _set(response, deps, device_cookie(deps.settings), ".".join(marks), days=_BROWSER_DAYS)


def remember_session(response: Response, deps: Deps, token: str) -> None:
    forget_state(response, deps)
    _set(response, deps, session_cookie(deps.settings), token, days=deps.settings.session_absolute_days)


def forget_session(response: Response, deps: Deps) -> None:
    forget_state(response, deps)
    response.delete_cookie(
        session_cookie(deps.settings), path="/", secure=deps.settings.secure, httponly=True, samesite="Lax"
    )


def state_cookie(settings: Settings) -> str:
    return "__Host-session-state" if settings.secure else "session-state"


def remember_state(response: Response, deps: Deps, state: str) -> None:
    """What scripts of our frame compare (OpenID Connect Session Management): sent inside other sites' pages too."""
    secure = deps.settings.secure
    same_site = "None" if secure else "Lax"  # browsers take None only with Secure
    response.set_cookie(state_cookie(deps.settings), state, path="/", secure=secure, httponly=False, samesite=same_site)


def forget_state(response: Response, deps: Deps) -> None:
    """Another sign-in, or none: portals that look find that it changed."""
    if deps.settings.session_iframe:
        remember_state(response, deps, "")


def remember_agency(response: Response, deps: Deps, codes: str) -> None:
    """Keep the two codes of the agency that was last signed in at, as `CLIENT/SOCIETE`; they are no secret."""
    _set(response, deps, _AGENCY, codes, days=_BROWSER_DAYS)


def remembered_agency(request: Request) -> tuple[str, str]:
    """Codes to fill in on the codes page, as presented; they decide nothing."""
    client, _, company = request.cookies.get(_AGENCY, "")[:90].partition("/")
    return client, company


def remember_language(response: Response, deps: Deps, language: str) -> None:
    _set(response, deps, _LANGUAGE, language, days=_BROWSER_DAYS)


def chosen_language(request: Request) -> str:
    """The language that the person chose on one of our pages; empty for none."""
    chosen = request.cookies.get(_LANGUAGE, "")
    return chosen if chosen in LANGUAGES else ""


def _set(response: Response, deps: Deps, name: str, value: str, *, days: int) -> None:
    response.headers.add("Set-Cookie", _cookie(deps, name, value, days=days))


def _cookie(deps: Deps, name: str, value: str, *, days: int) -> str:
    return dump_cookie(
        name,
        value,
        max_age=days * 86400,
        path="/",
        secure=deps.settings.secure,
        httponly=True,
        samesite="Lax",
        sync_expires=False,  # what Max-Age says wins wherever both stand (RFC 6265 5.3)
    )
