"""HTTP of the authorization endpoint (OIDC Core 3.1.2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NoReturn
from urllib.parse import parse_qsl

from flask import Blueprint, Response, request
from werkzeug.exceptions import MethodNotAllowed

from idp import patience
from idp.errors import MalformedRequest
from idp.oidc.authorize import steps
from idp.oidc.authorize.answers import Posted, origin
from idp.oidc.calls import Call, Endpoint
from idp.oidc.logout.state import browser_state
from idp.oidc.provider import Provider
from idp.oidc.responses import Redirect
from idp.web import browser as browsers
from idp.web.site import BROWSER, Site

_MOST_PARAMETERS = 500
_HANDED = "idp.handed"  # in the environment: gives the outcome that is there already, or raises the failure


def _pairs(*parts: bytes) -> list[tuple[str, str]]:
    """The parameters of forms, in order. Raises MalformedRequest.

    Bytes that are no UTF-8 become U+FFFD, which the checks refuse. Flask would leave them as the percent signs that they
    came in, so that a state came back as something that was not sent (ATK-022).
    """
    try:
        return [
            pair
            for part in parts
            for pair in parse_qsl(
                part.decode("utf-8", "replace"),
                keep_blank_values=True,
                errors="replace",
                max_num_fields=_MOST_PARAMETERS,
            )
        ]
    except ValueError:
        raise MalformedRequest() from None


def _sent() -> list[tuple[str, str]]:
    """The parameters of the body and of the query, in that order. Raises MalformedRequest."""
    return _pairs(request.get_data() if request.method == "POST" else b"", request.query_string)


def _no_look() -> None:
    """Frameworks answer HEAD as they answer GET; here that would issue a code to whoever only looks (RFC 9110 9.2.1)."""
    if request.method == "HEAD":
        raise MethodNotAllowed(valid_methods=["GET", "POST"])


def in_front(provider: Provider, next_page: Callable[[Any], str]) -> Mapping[str, Endpoint[Redirect | None]]:
    """By path: the authorization request, which needs no page: its answer leads to the portal, or to a page of its own."""
    deps = provider.deps

    @patience.again
    def ask(call: Call) -> Redirect | None:
        """None for an outcome that is handed on, with the browser that it is of."""
        cookies = call.cookies
        browser = call.environ[BROWSER] = browsers.recognise(cookies, deps)
        outcome = steps.authorize(
            provider,
            _pairs(call.query),
            browser_digest=browser.digest,
            session_token=browsers.session_token(cookies, deps),
        )
        if not isinstance(outcome, Posted) and not deps.settings.session_iframe:
            location = next_page(outcome)
            if location.isascii():
                return Redirect(location, (browsers.key_kept(deps, browser),) if browser.new else ())
        call.environ[_HANDED] = lambda: outcome
        return None

    def answer(call: Call) -> Redirect | None:
        """None where a page is needed. What was done already, or failed, is handed on: nothing is done twice."""
        try:
            return ask(call)
        except Exception as error:  # noqa: BLE001 - whatever it is, it has its page
            call.environ[_HANDED] = partial(_fail, error)
            return None

    return {"/oauth/authorize": Endpoint("authorize", frozenset({"GET"}), answer)}


def _fail(error: Exception) -> NoReturn:
    raise error


def blueprint(site: Site, provider: Provider) -> Blueprint:
    endpoint = Blueprint("authorize", __name__)

    @endpoint.get("/oauth/authorize")
    def authorize() -> Response:
        _no_look()
        handed: Callable[[], Any] | None = request.environ.get(_HANDED)
        if handed is not None:
            return follow(site, handed())
        return follow(
            site,
            steps.authorize(
                provider,
                _sent(),
                browser_digest=site.browser().digest,
                session_token=site.session_token(),
            ),
        )

    @endpoint.post("/oauth/authorize")
    def authorize_posted() -> Response:
        """From another site, so without our cookies: kept, and come back for with GET."""
        if request.mimetype != "application/x-www-form-urlencoded":
            raise MalformedRequest()
        return follow(site, steps.keep(provider, _sent()))

    @endpoint.get("/oauth/authorize/<authorization_id>/continue")
    def resume(authorization_id: str) -> Response:
        _no_look()
        return follow(
            site,
            steps.resume(
                provider,
                authorization_id,
                browser_digest=site.browser().digest,
                signed_in=site.signed_in(),
            ),
        )

    return endpoint


def follow(site: Site, outcome: Any) -> Response:
    """303 to where an outcome leads; or the page that posts an answer to the portal (Form Post Response Mode)."""
    if isinstance(outcome, Posted):
        place = site.bare_place(targets=(origin(outcome.redirect_uri), "https:"))
        response = site.page("authorize/post.html", place, answer=outcome)
    else:
        response = site.follow(outcome)
    if site.deps.settings.session_iframe and (signed_in := site.signed_in()) is not None:
        browsers.remember_state(response, site.deps, browser_state(site.deps, signed_in.sid))
    return response
