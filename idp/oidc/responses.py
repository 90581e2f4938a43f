"""How software is answered: JSON, or a token, that nobody on the way keeps."""

from __future__ import annotations

from typing import Any

import orjson
from flask import Response


def unkept(body: Any, status: int = 200) -> Response:
    """JSON that no cache keeps (RFC 6749 5.1). body: whatever JSON can say."""
    return _unkept(orjson.dumps(body), status, "application/json")


def unkept_token(token: str, media_type: str) -> Response:
    """A signed or encrypted answer, such as `application/jwt` (OIDC Core 5.3.2)."""
    return _unkept(token, 200, media_type)


def _unkept(content: str | bytes, status: int, media_type: str) -> Response:
    response = Response(content, status=status, mimetype=media_type)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Pragma"] = "no-cache"
    return response
