"""Which answers scripts of other origins may read (Fetch Standard, CORS): single-page portals speak to us from browsers.

Any origin may read these, and none of them with cookies: the endpoints look at no cookie, so a script gets what the code,
token or secret that it holds would have bought it anywhere. Pages and the authorization endpoint are never open so.
"""

from __future__ import annotations

from flask import Response, request

_KEPT_SECONDS = "7200"  # the longest that Chromium keeps the answer to a preflight


OF_ANSWERS = (("Access-Control-Allow-Origin", "*"), ("Access-Control-Expose-Headers", "WWW-Authenticate"))


def allow(response: Response) -> Response:
    """Let scripts of any origin read this answer, and ask with a bearer token or client authentication."""
    response.headers.extend(OF_ANSWERS)
    if request.method == "OPTIONS":
        response.headers["Access-Control-Allow-Methods"] = "GET, POST"
        response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
        response.headers["Access-Control-Max-Age"] = _KEPT_SECONDS
    return response
