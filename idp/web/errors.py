"""Every failure ends on a page: numbered, in plain words, with a way on and an id that support finds in the log."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable

from flask import Flask, Request, Response, request
from sqlalchemy.exc import DataError, DBAPIError
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound, RequestEntityTooLarge

from idp.errors import DatabaseAway, IdpError, MalformedRequest, PageNotFound, TooLarge, Unexpected, WrongMethod
from idp.web.site import Place, Site

log = logging.getLogger("idp.errors")
_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


def correlation_id(site: Site, asked: Request) -> str:
    """The id of this request: the proxy's X-Request-Id when it is one, else a new one; the same all through."""
    known = asked.environ.get("idp.correlation")
    if known is None:
        given = asked.headers.get("X-Request-Id", "")
        known = given if _ID.fullmatch(given) else site.deps.new_id()[:16]
        asked.environ["idp.correlation"] = known
    return str(known)


def register(app: Flask, site: Site) -> None:
    """Install the handlers."""

    def failed(error: IdpError) -> Response:
        return show(site, error)

    def http(error: HTTPException) -> Response:
        response = show(site, _of_http(error))
        if isinstance(error, MethodNotAllowed) and error.valid_methods:
            response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
        return response

    def database(error: DBAPIError) -> Response:
        log.error("database", extra={"error": type(error.orig).__name__, "request": correlation_id(site, request)})
        return show(site, DatabaseAway(retry_after_seconds=10))

    def unfit(error: DataError) -> Response:
        """A value that no column takes, such as NUL in an address: nobody's row, and nothing for us to repair."""
        log.info("unfit value", extra={"error": type(error.orig).__name__, "request": correlation_id(site, request)})
        return show(site, MalformedRequest())

    def anything(error: Exception) -> Response:
        log.error("unexpected", exc_info=error, extra={"request": correlation_id(site, request)})
        return show(site, Unexpected())

    handlers: list[tuple[type[Exception], Callable[..., Response]]] = [
        (IdpError, failed),
        (HTTPException, http),
        (DataError, unfit),
        (DBAPIError, database),
        (Exception, anything),
    ]
    for kind, handler in handlers:
        app.register_error_handler(kind, handler)


def show(site: Site, error: IdpError) -> Response:
    """The page of a failure. The way on keeps the agency and the pending request that the failure knows of."""
    place = _place(site, error)
    reference = correlation_id(site, request)
    # The rule, not the path: the address of a mailed link is a secret.
    route = request.url_rule.rule if request.url_rule is not None else ""
    log.info("failure shown", extra={"code": error.code, "request": reference, "route": route})
    response = site.page(
        "errors/error.html",
        place,
        form_id=str(error.facts.get("form_id", "")),
        error=error,
        correlation_id=reference,
        contact=error.facts.get("contact", place.agency),
        portal=site.portal(place.agency),
        retry=request.full_path.rstrip("?") if request.method == "GET" else site.asked_from(),
    )
    if (seconds := error.facts.get("retry_after_seconds")) is not None:
        response.headers["Retry-After"] = str(seconds)
    response.headers["X-Request-Id"] = reference
    return response


def _place(site: Site, error: IdpError) -> Place:
    try:
        return site.place(agency_id=error.facts.get("agency_id"), authorization_id=error.facts.get("authorization_id"))
    except (IdpError, DBAPIError):
        return Place(None, None, site.language(None))


def _of_http(error: HTTPException) -> IdpError:
    if isinstance(error, NotFound):
        return PageNotFound()
    if isinstance(error, MethodNotAllowed):
        return WrongMethod()
    if isinstance(error, RequestEntityTooLarge):
        return TooLarge()
    return MalformedRequest() if error.code is not None and error.code < 500 else Unexpected()
