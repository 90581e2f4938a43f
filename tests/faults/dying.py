"""A process that merges and is struck at its n-th statement: `python -m tests.faults.dying KILL|STOP`, flows on stdin.

Each flow is merged in a child of its own, which sends itself the signal before the statement whose number is that of
the flow, or before the commit that follows. Answers one line for each child: `struck`, or `done` when it came through.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

from sqlalchemy import event

from idp.app import create_database_app, make_deps
from idp.database import db
from idp.merge import steps
from idp.settings import load


def strike_at(statement: int, number: int) -> None:
    seen = 0

    def count(*_: Any) -> None:
        nonlocal seen
        seen += 1
        if seen == statement:
            os.kill(os.getpid(), number)

    event.listen(db.engine, "before_cursor_execute", count)
    event.listen(db.engine, "commit", count)


def merge(flow: dict[str, str], statement: int, number: int) -> None:
    settings = load()
    deps = make_deps(settings)
    with create_database_app(settings).app_context():
        strike_at(statement, number)
        steps.submit_password(
            deps,
            flow_id=flow["id"],
            browser_digest=flow["browser_digest"],
            password=flow["password"],
            network="192.0.2.1",
            language="fr",
        )


def main() -> None:
    number = signal.Signals[f"SIG{sys.argv[1]}"]
    first = int(sys.argv[2])
    for statement, flow in enumerate(json.load(sys.stdin), start=first):
        child = os.fork()
        if child == 0:
            merge(flow, statement, number)
            os._exit(0)
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print("done" if status == 0 else "struck", flush=True)
        if status == 0:
            return


if __name__ == "__main__":
    main()
