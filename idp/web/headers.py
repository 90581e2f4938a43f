"""Headers that make pages safe, set on every answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from flask import Response

from idp.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_COMMON = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    # A page's own address (which may hold a mailed secret) is told to nobody else. Not `no-referrer` on pages: Safari
    # up to 16.3 then posts forms with `Origin: null`, and an old phone could not be told from a forger.
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    "Cache-Control": "no-store",
}
_REFERRER_OF_REDIRECTS = ("Referrer-Policy", "no-referrer")


def content_security_policy(nonce: str, form_targets: Sequence[str] = ()) -> str:
    """Nothing but our own files; `form_targets` are the origins that a form's answer may redirect on to.

    Browsers apply form-action to the whole chain of redirects after a post, and the chain ends at the portal.
    """
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            f"style-src 'self' 'nonce-{nonce}'",
            "img-src 'self'",
            "connect-src 'self'",
            "manifest-src 'self'",
            " ".join(("form-action 'self'", *form_targets)),
            "frame-ancestors 'none'",
            "base-uri 'none'",
        )
    )


def allow(response: Response, directive: str, *sources: str) -> None:
    """Let this one page load something from elsewhere. directive: such as `img-src`; sources: origins."""
    policy = [part.split() for part in response.headers["Content-Security-Policy"].split("; ")]
    if not any(name == directive for name, *_ in policy):
        policy.append([directive])
    parts = [[name, *given, *sources] if name == directive else [name, *given] for name, *given in policy]
    response.headers["Content-Security-Policy"] = "; ".join(" ".join(part) for part in parts)


class Secured:
    """A WSGI application whose every answer has the common headers, without overwriting what a view chose.

    Around Flask rather than within: setting each on Flask's response took as long as signing an access token.
    """

    def __init__(self, application: WSGIApplication, settings: Settings) -> None:
        self._application = application
        common = dict(_COMMON)
        if settings.secure:
            common["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"
        self._common = [(name.lower(), (name, value)) for name, value in common.items()]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *failure: Any) -> Callable[[bytes], object]:
            given = {name.lower(): value for name, value in headers}
            if "frame-ancestors *" in given.get("content-security-policy", ""):
                given["x-frame-options"] = ""  # the one page that others may frame
            if status.startswith("3"):
                headers = [header for header in headers if header[0].lower() != "referrer-policy"]
                headers.append(_REFERRER_OF_REDIRECTS)
                given["referrer-policy"] = ""
            headers.extend([header for name, header in self._common if name not in given])
            return start_response(status, headers, *failure)

        return self._application(environ, start)
