"""How long the server takes for each page: `make page-times`. A command and no test, since a slow machine is no fault.

The provider runs as in the tests (bcrypt at its lowest cost, since hashing is not what is asked here) and each page is
fetched over HTTP on loopback, as often as `TIMES` says. Two figures are taken around the application, in its thread:
how long an answer takes, and how much of that is the processor's. The goal of 30 ms is held against the second, which
other programs on the machine do not lengthen; SQLite's work is part of it, PostgreSQL's is in the first alone.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter, thread_time
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.support import postgres
from tests.support.mailbox import Mailbox
from tests.support.world import ProviderServer, World
from tests.web.pages import PAGES

GOAL_MS = 30
TIMES = int(os.environ.get("TIMES", "60"))


@dataclass(frozen=True)
class Taken:
    """Milliseconds of one answer."""

    whole: float
    processor: float


class Watched:
    """A WSGI application, with what each of its answers took."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app
        self.answers: list[Taken] = []

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        whole, processor = perf_counter(), thread_time()
        body = [b"".join(self._app(environ, start_response))]
        self.answers.append(Taken((perf_counter() - whole) * 1000, (thread_time() - processor) * 1000))
        return body


def timed(server: ProviderServer) -> dict[str, Taken]:
    """The median of each page, its first fetch left out."""
    world, found = World(server), {}
    for name, page in PAGES.items():
        person, path = page.reach(world)
        person.get(path)
        watched = server._server.app = Watched(server.app)
        for _ in range(TIMES):
            person.get(path)
        server._server.app = server.app
        answers = watched.answers
        found[name] = Taken(median(a.whole for a in answers), median(a.processor for a in answers))
    return found


def measure(databases: dict[str, str]) -> int:
    """Print the table; 1 when a page takes the processor longer than the goal."""
    table = Table("page", "statements")
    columns = []
    for kind, url in databases.items():
        mailbox = Mailbox()
        server = ProviderServer(url, mailbox)
        columns.append(timed(server))
        server.stop()
        mailbox.stop()
        table.add_column(f"{kind}: ms", justify="right")
        table.add_column("of the processor", justify="right")
    for name, page in PAGES.items():
        figures = [f"{ms:.1f}" for column in columns for ms in (column[name].whole, column[name].processor)]
        table.add_row(name, str(page.statements), *figures)
    slow = {name for column in columns for name in PAGES if column[name].processor > GOAL_MS}
    console = Console(width=110)
    console.print(table)
    console.print(f"over {GOAL_MS} ms: {', '.join(sorted(slow))}" if slow else f"all under {GOAL_MS} ms")
    return 1 if slow else 0


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        databases = {"SQLite": f"sqlite:///{Path(folder) / 'idp.sqlite'}"}
        if postgres.installed() is None:
            return measure(databases)
        cluster = postgres.Cluster()
        try:
            return measure({**databases, "PostgreSQL": cluster.create("pages")})
        finally:
            cluster.stop()


if __name__ == "__main__":
    sys.exit(main())
