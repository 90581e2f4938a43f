"""Headers that make pages safe, set on every answer."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Response

from idp.settings import Settings

_COMMON = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    # A page's own address (which may hold a mailed secret) is told to nobody else. Not `no-referrer` on pages: Safari
    # up to 16.3 then posts forms with `Origin: null`, and an old phone could not be told from a forger.
    "Referrer-Policy": "same-origin",
}


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


def secure(response: Response, settings: Settings) -> Response:
    """Set the common headers, without overwriting what a view chose."""
    framed = "frame-ancestors *" in response.headers.get("Content-Security-Policy", "")
    for name, value in _COMMON.items():
        if not (framed and name == "X-Frame-Options"):
            response.headers.setdefault(name, value)
    response.headers.setdefault(
        "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"
    )
    if 300 <= response.status_code < 400:
        response.headers["Referrer-Policy"] = "no-referrer"
    if not response.cache_control.max_age:
        response.headers.setdefault("Cache-Control", "no-store")
    if settings.secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
    return response
