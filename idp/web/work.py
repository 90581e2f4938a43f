"""Each request is one piece of work: it has an id of its own and so much patience with the database."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from idp import correlation, patience
from idp.deps import Deps

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class Work:
    """A WSGI application whose requests each begin and end. Its answers are whole when it returns."""

    def __init__(self, application: WSGIApplication, deps: Deps) -> None:
        self._application = application
        self._deps = deps
        self._seconds = deps.settings.database_wait_seconds

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        patience.begin(self._seconds)
        correlation.begin(environ.get("HTTP_X_REQUEST_ID", ""), self._deps.new_id)
        try:
            return self._application(environ, start_response)
        finally:
            patience.end()
