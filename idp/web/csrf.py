"""Anti-forgery: a token that only this browser has for this form, and the browser's own word about where a post is from.

The token is an HMAC of the browser key and the form (or flow) id, not of the signed-in identity: signing in or out in
another tab does not make a waiting form fail. A failure shows the form again, filled (OWASP; RFC 9700 4.7).
"""

from __future__ import annotations

from flask import Request

from idp.deps import Deps
from idp.digests import Kind, same
from idp.errors import ForeignPost, StalePage
from idp.web.browser import Browser

FIELD = "csrf_token"


def token(deps: Deps, browser: Browser, form_id: str) -> str:
    """The token of one form in one browser, 43 hex characters."""
    return deps.digests.digest(Kind.CSRF, f"{browser.key}:{form_id}")[:43]


def require(request: Request, deps: Deps, browser: Browser, form_id: str) -> None:
    """Raises ForeignPost when the browser says another site posted, StalePage when the token does not fit."""
    if foreign(request, deps):
        raise ForeignPost()
    if browser.new or not same(request.form.get(FIELD, ""), token(deps, browser, form_id)):
        raise StalePage()


def foreign(request: Request, deps: Deps) -> bool:
    """Whether the browser says that another site's page sent this.

    Sec-Fetch-Site cannot be set by a page; where it is missing (old browsers), Origin decides.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = request.headers.get("Origin")
    return origin is not None and origin != deps.settings.origin
