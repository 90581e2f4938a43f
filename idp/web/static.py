"""Our few static files and agencies' logos, kept by browsers for a year: their address changes with their content.

While two versions of the program run side by side, a page of the new one may ask the old one for its files. What is not
what the address names is kept by nobody, or a browser and nginx would show the old file for a year. They are a few
kilobytes, read once: no answer holds a file open, however its reader leaves.
"""

from __future__ import annotations

import mimetypes

from flask import Blueprint, Response, abort, request

from idp.database import reading
from idp.tenancy import store as tenancy
from idp.web.pages import STATIC, static_digest

_YEAR_SECONDS = 31_536_000
_DAY_SECONDS = 86_400


def blueprint() -> Blueprint:
    files = Blueprint("static_files", __name__)
    contents = {path.name: path.read_bytes() for path in STATIC.iterdir()}

    def file(name: str, cache_control: str) -> Response:
        if name not in contents:
            abort(404)
        response = Response(contents[name], mimetype=mimetypes.guess_type(name)[0])
        response.set_etag(static_digest(name))
        response.headers["Cache-Control"] = cache_control
        response.make_conditional(request)
        return response

    @files.get("/static/<path:name>")
    def static(name: str) -> Response:
        named = name in contents and request.args.get("v") == static_digest(name)
        return file(name, f"public, max-age={_YEAR_SECONDS}, immutable" if named else "no-cache")

    @files.get("/brand/<digest>")
    def logo(digest: str) -> Response:
        """An agency's picture. What an operator uploaded is a picture and nothing else, whatever is in it."""
        with reading() as db:
            found = tenancy.logo(db, digest)
        if found is None:
            abort(404)
        response = Response(found.content, mimetype=found.media_type)
        response.headers["Cache-Control"] = f"public, max-age={_YEAR_SECONDS}, immutable"
        response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
        return response

    @files.get("/favicon.ico")
    def favicon() -> Response:
        return file("favicon.svg", f"public, max-age={_DAY_SECONDS}")

    return files
