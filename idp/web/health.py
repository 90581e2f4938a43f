"""Whether this process lives, and whether it can serve: for supervisors and load balancers."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, jsonify
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from idp.database import reading


def blueprint(has_keys: Callable[[], bool]) -> Blueprint:
    """has_keys: whether this process can sign tokens."""
    checks = Blueprint("health", __name__)

    @checks.get("/health/live")
    def live() -> Response:
        return jsonify(status="ok")

    @checks.get("/health/ready")
    def ready() -> tuple[Response, int]:
        """200 when the database answers and there are keys to sign with, else 503; no details for strangers."""
        try:
            with reading() as db:
                db.execute(text("SELECT 1"))
            serving = has_keys()
        except (SQLAlchemyError, LookupError):
            serving = False
        return jsonify(status="ok" if serving else "unavailable"), 200 if serving else 503

    return checks
