"""What a portal's software is told when something fails: JSON, never cached, and whether to try again.

A database that is away is 503 with Retry-After: after a revocation a portal must then assume that the token still works
(RFC 7009 2.2.1). The log keeps what happened.
"""

from __future__ import annotations

import logging

from flask import Blueprint, Response
from sqlalchemy.exc import DataError, DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection
from werkzeug.exceptions import HTTPException

from idp.oidc.protocol import ProtocolError
from idp.oidc.responses import unkept
from idp.oidc.server import failure
from idp.patience import RETRY_AFTER_SECONDS

log = logging.getLogger("idp.errors")


def register(endpoints: Blueprint) -> None:
    """Install the handlers for an endpoint that software calls."""

    @endpoints.errorhandler(HTTPException)
    def http(error: HTTPException) -> Response:
        return _told("invalid_request", error.name, error.code or 400)

    @endpoints.errorhandler(DataError)
    def unfit(error: DataError) -> Response:
        """A value that no column takes, such as NUL: nobody's row, and nothing for us to repair."""
        log.info("unfit value", extra={"error": type(error.orig).__name__})
        return _told("invalid_request", "a value holds what it may not", 400)

    @endpoints.errorhandler(DBAPIError)
    @endpoints.errorhandler(NoConnection)
    def away(error: DBAPIError | NoConnection) -> Response:
        log.error("database", extra={"error": type(getattr(error, "orig", None) or error).__name__})
        response = _told("temporarily_unavailable", "the provider cannot answer now", 503)
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
        return response

    @endpoints.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        log.error("unexpected", exc_info=error)
        return _told("server_error", "the provider failed", 500)


def _told(error: str, description: str, status: int) -> Response:
    answer = failure(ProtocolError(error, description, status=status))
    return unkept(answer.body, answer.status)
