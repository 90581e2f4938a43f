"""A page of the relying party in real Chromium, with the provider's session iframe in it (Session Management 3.1)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from playwright.sync_api import Route

    from tests.conformance.suite.run import Run

_PAGE = """<!doctype html><meta charset="utf-8"><title>Relying party</title>
<iframe id="op" src=%(iframe)s></iframe>
<script>
  const op = document.getElementById("op");
  const loaded = new Promise(resolve => op.addEventListener("load", resolve));
  window.ask = () => loaded.then(() => new Promise(resolve => {
    window.addEventListener("message", event => {
      if (event.source === op.contentWindow && event.origin === %(origin)s) resolve(event.data);
    }, {once: true});
    op.contentWindow.postMessage(%(message)s, %(origin)s);
  }));
</script>
"""


class SessionPage:
    """The browser's cookies are those of the module's own browser, taken over when it says so."""

    def __init__(self, run: Run, client_id: str, session_state: str) -> None:
        self._run = run
        iframe = run.metadata["check_session_iframe"]
        origin = "/".join(iframe.split("/")[:3])
        values = {"iframe": iframe, "origin": origin, "message": f"{client_id} {session_state}"}
        body = _PAGE % {name: json.dumps(value) for name, value in values.items()}
        self._url = run.relying_party.publish(f"{run.path}/session", body, "text/html; charset=utf-8")
        self._context: Any = None
        self._page: Any = None

    def __enter__(self) -> Self:
        self._context = self._run.setting.chromium().new_context(ignore_https_errors=True)
        for name, body in self._run.setting.elsewhere().items():
            self._context.route(f"**/{name}*", _answering(body))
        self.take_cookies()
        self._page = self._context.new_page()
        self._page.goto(self._url)
        return self

    def __exit__(self, *_: object) -> None:
        self._context.close()

    def take_cookies(self) -> None:
        self._context.clear_cookies()
        self._context.add_cookies(
            [
                {
                    "name": c.name,
                    "value": c.value,
                    "domain": c.domain,
                    "path": c.path,
                    "secure": True,
                    "sameSite": "None",
                }
                for c in self._run.browser.cookies.jar
            ]
        )

    def ask(self) -> str:
        """What the iframe answers: changed, unchanged or error."""
        return str(self._page.evaluate("() => window.ask()"))


def _answering(script: bytes) -> Callable[[Route], None]:
    """What a server of somebody else would answer, which this browser cannot reach; the digest on the page holds for it."""

    def answer(route: Route) -> None:
        route.fulfill(body=script, content_type="text/javascript", headers={"Access-Control-Allow-Origin": "*"})

    return answer
