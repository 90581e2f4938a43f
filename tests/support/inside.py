"""Requests to the application itself, with no server between: what is counted or profiled is its work alone."""

from __future__ import annotations

import base64
from typing import Any

from werkzeug.test import EnvironBuilder

from tests.support.world import Portal


def environ_of(portal: Portal, path: str, *, cookie: str, bearer: str = "", **form: str) -> dict[str, Any]:
    """A portal's request, or its browser's, as a WSGI environment; a form is posted, with the portal's secret or a token."""
    basic = base64.b64encode(f"{portal.client_id}:{portal.secret}".encode()).decode()
    return EnvironBuilder(
        path,
        base_url=portal.base,
        method="POST" if form else "GET",
        data=form or None,
        headers={"Authorization": f"Bearer {bearer}" if bearer else f"Basic {basic}", "Cookie": cookie},
    ).get_environ()
