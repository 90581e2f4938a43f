"""Our few static files, kept by browsers for a year: their address changes with their content."""

from __future__ import annotations

from flask import Blueprint, Response, send_from_directory

from idp.web.pages import STATIC

_YEAR_SECONDS = 31_536_000


def blueprint() -> Blueprint:
    files = Blueprint("static_files", __name__)

    @files.get("/static/<path:name>")
    def static(name: str) -> Response:
        response = send_from_directory(STATIC, name, max_age=_YEAR_SECONDS)
        response.headers["Cache-Control"] = f"public, max-age={_YEAR_SECONDS}, immutable"
        return response

    @files.get("/favicon.ico")
    def favicon() -> Response:
        return send_from_directory(STATIC, "favicon.svg", max_age=86400)

    return files
