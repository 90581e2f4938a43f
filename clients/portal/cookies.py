"""The two cookies of a portal, named after it: portals on one host, at different ports, share their cookies.

`…-navigateur` binds sign-ins and forms to one browser and says nothing of the person; `…-session` is the random id of
somebody's session.
"""

from __future__ import annotations

import secrets
from datetime import timedelta

from flask import request
from werkzeug.wrappers import Response

from clients.portal.sessions import LIFETIME as SESSION_LIFETIME
from clients.portal.settings import PortalSettings

BROWSER_LIFETIME = timedelta(days=400)


class Cookies:
    """Reads them from the request, writes them to answers."""

    def __init__(self, settings: PortalSettings) -> None:
        prefix = "__Host-" if settings.secure else ""
        self._browser = f"{prefix}{settings.client_id}-navigateur"
        self._session = f"{prefix}{settings.client_id}-session"
        self._secure = settings.secure

    def browser_key(self) -> str:
        """This browser's key, or a new one; the answer must then carry it (`keep_browser`)."""
        return request.cookies.get(self._browser) or secrets.token_urlsafe(32)

    def session_id(self) -> str | None:
        return request.cookies.get(self._session)

    def keep_browser(self, answer: Response, key: str) -> None:
        self._set(answer, self._browser, key, BROWSER_LIFETIME)

    def keep_session(self, answer: Response, session_id: str) -> None:
        self._set(answer, self._session, session_id, SESSION_LIFETIME)

    def drop_session(self, answer: Response) -> None:
        answer.delete_cookie(self._session, secure=self._secure, httponly=True, samesite="Lax")

    def _set(self, answer: Response, name: str, value: str, life: timedelta) -> None:
        # Lax, not Strict: the provider's answer is a navigation that comes from another site.
        answer.set_cookie(name, value, max_age=life, secure=self._secure, httponly=True, samesite="Lax")
