"""Where each microsecond of a portal's request goes: `python -m tests.bench.profile`, a table for docs/performance.

The application is called in this process, with no server between, on PostgreSQL. Processor time of one request is the
best of some batches, without a profiler; the shares are cProfile's, each function's own time counted to its package, what
is built into Python to the package that called it. Waiting for the database is no processor time and left out.
"""

from __future__ import annotations

import cProfile
import json
import pstats
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any

from werkzeug.test import run_wsgi_app

from tests.support import postgres
from tests.support.inside import environ_of
from tests.support.mailbox import Mailbox
from tests.support.world import Portal, ProviderServer, World, answer

WARM, BATCHES, EACH = 30, 8, 40
PARTS = {
    "database driver": ("psycopg", "postgres.py"),
    "SQLAlchemy": ("sqlalchemy", "flask_sqlalchemy"),
    "Flask, Werkzeug": ("flask", "werkzeug"),
    "Authlib": ("authlib",),
    "signatures": ("joserfc", "cryptography"),
    "our own code": ("idp",),
}
REST = "Python's library"
_WAITS = ("_send_query_prepared", "wait")  # where the time of a statement passes in the database

Ask = Callable[..., Any]


class Requests:
    """The requests of a portal and of a signed-in browser."""

    def __init__(self, world: World) -> None:
        letter, _ = world.member()
        person = world.signed_in(letter)
        self._app = world.server.app
        self._base = world.base
        self._cookie = "; ".join(f"{name}={value}" for name, value in person.http.cookies.items())
        self._portal: Portal = world.portal(letter)
        self._tokens: dict[str, str] = {}
        self.location = self.authorize()()
        self.code()()

    def _ask(self, path: str, *, bearer: str = "", **form: str) -> Callable[[cProfile.Profile | None], Any]:
        environ = environ_of(self._portal, path, cookie=self._cookie, bearer=bearer, **form)

        def run(profile: cProfile.Profile | None = None) -> Any:
            if profile is not None:
                profile.enable()
            body, status, sent = run_wsgi_app(self._app.wsgi_app, environ)
            if profile is not None:
                profile.disable()
            content = b"".join(body)
            assert status[0] in "23", content
            return sent["Location"] if "Location" in sent else json.loads(content)

        return run

    def authorize(self) -> Ask:
        run = self._ask(self._portal.authorize_url().removeprefix(self._base))

        def keep(profile: cProfile.Profile | None = None) -> Any:
            self.location = run(profile)
            return self.location

        return keep

    def code(self) -> Ask:
        code = answer(self.location)["code"]
        more = {"redirect_uri": self._portal.redirect_uri, "code_verifier": self._portal.verifier}
        return self._tokens_of(self._ask("/oauth/token", grant_type="authorization_code", code=code, **more))

    def fresh_code(self) -> Ask:
        self.authorize()()
        return self.code()

    def refresh(self) -> Ask:
        token = self._tokens["refresh_token"]
        return self._tokens_of(self._ask("/oauth/token", grant_type="refresh_token", refresh_token=token))

    def client_credentials(self) -> Ask:
        return self._ask("/oauth/token", grant_type="client_credentials")

    def userinfo(self) -> Ask:
        return self._ask("/oauth/userinfo", bearer=self._tokens["access_token"])

    def introspection(self) -> Ask:
        return self._ask("/oauth/introspect", token=self._tokens["access_token"])

    def _tokens_of(self, run: Ask) -> Ask:
        def keep(profile: cProfile.Profile | None = None) -> Any:
            self._tokens = run(profile)
            return self._tokens

        return keep


def microseconds(request: Callable[[], Ask]) -> float:
    """Processor time of this process for one, best of the batches."""
    for _ in range(WARM):
        request()()
    found = []
    for _ in range(BATCHES):
        taken = 0.0
        for _ in range(EACH):
            ask = request()
            began = process_time()
            ask()
            taken += process_time() - began
        found.append(taken / EACH * 1e6)
    return min(found)


def shares(request: Callable[[], Ask]) -> dict[str, float]:
    """What of the processor time each part has, in hundredths."""
    profile = cProfile.Profile()
    for _ in range(EACH * 4):
        request()(profile)
    times: Counter[str] = Counter()
    stats: Any = pstats.Stats(profile)
    for (file, _, name), (_, _, own, _, callers) in stats.stats.items():
        if name in _WAITS:
            continue
        if file != "~":
            times[_part(file)] += own
            continue
        known = sum(entry[2] for entry in callers.values()) or 1
        for caller, entry in callers.items():
            times[_part(name if "cryptography" in name else caller[0])] += own * entry[2] / known
    whole = sum(times.values())
    return {part: times[part] / whole * 100 for part in (*PARTS, REST)}


def _part(file: str) -> str:
    places = {*Path(file).parts, *(piece for piece in file.split("'") if piece.startswith("cryptography"))}
    if "cryptography" in file:
        return "signatures"
    return next((part for part, names in PARTS.items() if places & set(names)), REST)


def main() -> int:
    if postgres.installed() is None:
        print("PostgreSQL is not installed: `make system` installs it", file=sys.stderr)
        return 1
    cluster, mailbox = postgres.Cluster(), Mailbox()
    server = ProviderServer(cluster.create("profile"), mailbox)
    try:
        requests = Requests(World(server))
        kinds = {
            "authorize, with a sign-in": requests.authorize,
            "code, RS256": requests.fresh_code,
            "refresh, RS256": requests.refresh,
            "client credentials": requests.client_credentials,
            "userinfo": requests.userinfo,
            "introspection": requests.introspection,
        }
        print(f"| request | µs | {' | '.join((*PARTS, REST))} |")
        print("| --- " * (len(PARTS) + 3) + "|")
        for name, request in kinds.items():
            taken = microseconds(request)
            of = shares(request)
            print(f"| {name} | {taken:,.0f} | {' | '.join(f'{taken * of[part] / 100:,.0f}' for part in of)} |")
    finally:
        server.stop()
        mailbox.stop()
        cluster.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
