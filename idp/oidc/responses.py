"""How software is answered: JSON, or a token, that nobody on the way keeps."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import orjson
from flask import Response

from idp.oidc.protocol import ProtocolError

_SAFE = re.compile(r"[^\x20\x21\x23-\x5b\x5d-\x7e]")  # what error_description may not hold (RFC 6749 5.2)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint answers: JSON with no-store. challenge: a WWW-Authenticate value, for 401.

    jwt: (media type, token) to answer instead of the JSON, such as `application/jwt` (OIDC Core 5.3.2).
    retry_after: seconds.
    """

    status: int
    body: Mapping[str, Any]
    challenge: str | None = None
    jwt: tuple[str, str] | None = None
    retry_after: int | None = None

    def written(self) -> tuple[list[tuple[str, str]], bytes]:
        """Headers and body."""
        if self.jwt is None:
            media_type, content = "application/json", orjson.dumps(self.body)
        else:
            media_type, content = self.jwt[0], self.jwt[1].encode()
        headers = [
            ("Content-Type", media_type),
            ("Content-Length", str(len(content))),
            ("Cache-Control", "no-store"),  # RFC 6749 5.1
            ("Pragma", "no-cache"),
        ]
        if self.challenge is not None:
            headers.append(("WWW-Authenticate", self.challenge))
        if self.retry_after is not None:
            headers.append(("Retry-After", str(self.retry_after)))
        return headers, content


@dataclass(frozen=True, slots=True)
class Redirect:
    """303 to an address, of ASCII characters only: the browser asks for it with GET (RFC 9700 4.12).

    cookies: values of Set-Cookie.
    """

    location: str = field(repr=False)
    cookies: tuple[str, ...] = field(default=(), repr=False)
    status: ClassVar[int] = 303

    def written(self) -> tuple[list[tuple[str, str]], bytes]:
        """Headers and body."""
        return [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", "0"),
            ("Location", self.location),
            *(("Set-Cookie", cookie) for cookie in self.cookies),
        ], b""


def failure(error: ProtocolError) -> Answer:
    """The JSON of an error; 401 comes with the scheme to use (RFC 9110 11.6.1)."""
    body = {"error": error.error, "error_description": _SAFE.sub(" ", error.description)[:500]}
    challenge = 'Basic realm="token"' if error.http_status == 401 else None
    return Answer(error.http_status, body, challenge)


def response(answer: Answer) -> Response:
    """An answer through Flask."""
    headers, content = answer.written()
    return Response(content, status=answer.status, headers=headers)
