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
from idp.oidc.responses import Answer, failure, response
from idp.patience import RETRY_AFTER_SECONDS

log = logging.getLogger("idp.errors")


def register(endpoints: Blueprint) -> None:
    """Install the handler for endpoints that software calls through Flask."""

    @endpoints.errorhandler(Exception)
    def failed(error: Exception) -> Response:
        return response(answer_to(error))


def answer_to(error: Exception) -> Answer:
    """What whoever called is told of a failure."""
    if isinstance(error, ProtocolError):
        return failure(error)
    if isinstance(error, HTTPException):
        return failure(ProtocolError("invalid_request", error.name, status=error.code or 400))
    if isinstance(error, DataError):  # a value that no column takes, such as NUL: nothing for us to repair
        log.info("unfit value", extra={"error": type(error.orig).__name__})
        return failure(ProtocolError("invalid_request", "a value holds what it may not"))
    if isinstance(error, DBAPIError | NoConnection):
        log.error("database", extra={"error": type(getattr(error, "orig", None) or error).__name__})
        told = failure(ProtocolError("temporarily_unavailable", "the provider cannot answer now", status=503))
        return Answer(told.status, told.body, retry_after=RETRY_AFTER_SECONDS)
    log.error("unexpected", exc_info=error)
    return failure(ProtocolError("server_error", "the provider failed", status=500))
