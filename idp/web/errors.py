"""Every failure ends on a page: numbered, in plain words, with a way on and an id that support finds in the log."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta

from flask import Flask, Response, request
from sqlalchemy.exc import DataError, DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound, RequestEntityTooLarge

from idp import correlation
from idp.audit import store as audit
from idp.database import reading, transaction
from idp.errors import DatabaseAway, IdpError, Kept, MalformedRequest, PageNotFound, TooLarge, Unexpected, WrongMethod
from idp.patience import RETRY_AFTER_SECONDS
from idp.throttle import store as throttle
from idp.throttle.store import Limit
from idp.web import csrf, forms
from idp.web.site import Place, Site

log = logging.getLogger("idp.errors")

# Pages that are kept in an hour: of one network; of one network and of all, of what programs cause (decision 0021).
KEPT_OF_A_NETWORK, CAUSED_BY_A_NETWORK, CAUSED_BY_ALL = 100, 20, 1000
_HOUR = timedelta(hours=1)


def register(app: Flask, site: Site) -> None:
    """Install the handlers."""

    def failed(error: IdpError) -> Response:
        return show(site, error)

    def http(error: HTTPException) -> Response:
        return _tell_methods(show(site, _of_http(error)), error)

    def database(error: DBAPIError | NoConnection) -> Response:
        log.error("database", extra={"error": type(getattr(error, "orig", None) or error).__name__})
        return show(site, DatabaseAway(retry_after_seconds=RETRY_AFTER_SECONDS))

    def unfit(error: DataError) -> Response:
        """A value that no column takes, such as NUL in an address: nobody's row, and nothing for us to repair."""
        log.info("unfit value", extra={"error": type(error.orig).__name__})
        return show(site, MalformedRequest())

    def anything(error: Exception) -> Response:
        log.error("unexpected", exc_info=error)
        return show(site, Unexpected())

    handlers: list[tuple[type[Exception], Callable[..., Response]]] = [
        (IdpError, failed),
        (HTTPException, http),
        (DataError, unfit),
        (DBAPIError, database),
        (NoConnection, database),
        (Exception, anything),
    ]
    for kind, handler in handlers:
        app.register_error_handler(kind, handler)
    _wrong_methods(app)


def _wrong_methods(app: Flask) -> None:
    """Flask knows no route of a wrong method; given one, its blueprint answers: software gets JSON, not a page."""

    @app.before_request
    def find_route() -> None:
        methods = _methods(request.routing_exception)
        if methods and (adapter := app.create_url_adapter(request)) is not None:
            request.url_rule, values = adapter.match(method=methods[0], return_rule=True)
            request.view_args = dict(values)

    @app.after_request
    def tell(response: Response) -> Response:
        return _tell_methods(response, request.routing_exception)


def _methods(error: Exception | None) -> list[str]:
    """What may be asked instead of a wrong method."""
    return sorted(error.valid_methods or ()) if isinstance(error, MethodNotAllowed) else []


def _tell_methods(response: Response, error: Exception | None) -> Response:
    if methods := _methods(error):
        response.headers["Allow"] = ", ".join(methods)
    return response


def show(site: Site, error: IdpError) -> Response:
    """The page of a failure. The way on keeps the agency and the pending request that the failure knows of."""
    place = _place(site, error)
    reference = correlation.current()
    # The rule, not the path: the address of a mailed link is a secret.
    route = request.url_rule.rule if request.url_rule is not None else ""
    log.info("failure shown", extra={"code": error.code, "route": route})
    if error.kept is Kept.EACH or (error.kept is Kept.SOME and _read_by_a_person()):
        _keep(site, error, route)
    response = site.page(
        "errors/error.html",
        place,
        form_id=str(error.facts.get("form_id", "")),
        error=error,
        correlation_id=reference,
        contact=error.facts.get("contact", place.agency),
        portal=_portal(site, place),
        resend=_resend(error),
        here=request.full_path.rstrip("?"),
        retry=request.full_path.rstrip("?") if request.method == "GET" else site.asked_from(),
    )
    if (seconds := error.facts.get("retry_after_seconds")) is not None:
        response.headers["Retry-After"] = str(seconds)
    response.headers["X-Request-Id"] = reference
    return response


def _read_by_a_person() -> bool:
    """Whether this is a browser that opens a page (all of them say so), not its search for an icon, nor a program."""
    return "text/html" in request.headers.get("Accept", "")


def _keep(site: Site, error: IdpError, route: str) -> None:
    """An event in the audit trail, for support; so many an hour, since anybody can fail.

    A flood past its bound reads one or two counters and writes nothing.
    """
    network = throttle.network_of(site.network())
    limits = [Limit(f"failures:{network}", KEPT_OF_A_NETWORK, delay=_HOUR)]
    if error.kept is Kept.SOME:
        by_one = Limit(f"provoked:{network}", CAUSED_BY_A_NETWORK, delay=_HOUR)
        limits = [by_one, Limit("provoked", CAUSED_BY_ALL, delay=_HOUR)]
    try:
        with reading() as db:
            if any(throttle.blocked_until(db, site.deps, limit) for limit in limits):
                return
        with transaction() as db:
            if all(throttle.count(db, site.deps, limit) is None for limit in limits):
                agency_id = error.facts.get("agency_id")
                audit.record(
                    db,
                    site.deps,
                    "failure.shown",
                    agency_id=agency_id,
                    network=site.network(),
                    code=error.code,
                    route=route,
                )
    except (DBAPIError, NoConnection) as failure:  # the page matters more
        log.warning("failure not kept", extra={"error": type(getattr(failure, "orig", None) or failure).__name__})


def _place(site: Site, error: IdpError) -> Place:
    try:
        return site.place(agency_id=error.facts.get("agency_id"), authorization_id=error.facts.get("authorization_id"))
    except (IdpError, DBAPIError, NoConnection):
        return Place(None, None, site.language())


def _portal(site: Site, place: Place) -> str | None:
    try:
        return site.portal(place.agency)
    except (DBAPIError, NoConnection):
        return None


def _resend(error: IdpError) -> Mapping[str, str]:
    """What a form that could not be served now may send once more by one click: nothing typed is lost but passwords."""
    if request.method != "POST" or error.status != 503:
        return {}
    try:
        fields = forms.read(request).shown
    except IdpError:
        return {}
    return fields if fields.get(csrf.FIELD) else {}


def _of_http(error: HTTPException) -> IdpError:
    if isinstance(error, NotFound):
        return PageNotFound()
    if isinstance(error, MethodNotAllowed):
        return WrongMethod()
    if isinstance(error, RequestEntityTooLarge):
        return TooLarge()
    return MalformedRequest() if error.code is not None and error.code < 500 else Unexpected()
