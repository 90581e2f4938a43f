"""How fast `idp mail run` empties the outbox: mails a second, and what one costs the sender and the database.

The mail server is a program of its own on the same machine that takes everything and keeps nothing, so it stands in the
way as little as one can; a real one answers more slowly, and `mail_connections` says how many are spoken to at once.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from idp.app import make_deps
from idp.database import db, reading, transaction
from idp.database_app import create_database_app
from idp.deps import Deps
from idp.mail import store
from idp.mail.messages import VerifyAddress, Voice
from idp.settings import ROOT
from idp.settings import load as load_settings
from tests.bench import machine, product
from tests.support.ports import free_port

_DOMAINS = 50  # a domain's mails leave in turns with those of others
_LIMIT = 600.0  # seconds that a run may take


def delivered(database_url: str, mails: int, *, database: int | None = None) -> dict[str, Any]:
    """Of so many mails with a link, text and HTML. database: the server's first process, whose work is told too."""
    port = free_port()
    environment = product.environment(database_url, 1, IDP_SMTP_PORT=str(port))
    settings = load_settings(environment)
    deps, app = make_deps(settings), create_database_app(settings)
    sink = subprocess.Popen(
        [sys.executable, "-m", "aiosmtpd", "-n", "-c", "aiosmtpd.handlers.Sink", "-l", f"127.0.0.1:{port}"]
    )
    sender = None
    try:
        _until(lambda: _open(port))
        with app.app_context():
            _enqueue(deps, 1)
            sender = subprocess.Popen(
                [str(Path(sys.executable).parent / "idp"), "mail", "run"],
                env={**product.plain_environment(), **environment},
                cwd=ROOT,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            _until(_empty)  # it runs, and has its connections
            _enqueue(deps, mails)
            began, processor, server = time.perf_counter(), _used(sender.pid), _used(database)
            _until(_empty)
            seconds = time.perf_counter() - began
            processor, server = _used(sender.pid) - processor, _used(database) - server
            db.engine.dispose()
    finally:
        for process in (sender, sink):
            if process is not None:
                process.terminate()
                process.wait(60)
    return {
        "mails": mails,
        "connections": settings.mail_connections,
        "mails_a_second": round(mails / seconds),
        "processor_ms_a_mail": round(processor / mails * 1000, 2),
        "database_processor_ms_a_mail": round(server / mails * 1000, 2),
    }


def _enqueue(deps: Deps, mails: int) -> None:
    now = deps.now()
    voice = Voice("Agence du Capitole", "#7a1f5c", "05 62 27 95 30")
    with transaction() as session:
        for number in range(mails):
            message = VerifyAddress(
                to=f"rolande.{number}@courrier{number % _DOMAINS}.example",
                voice=voice,
                link=f"{deps.settings.issuer}/upgrade/confirm/{deps.new_token(256)}",
                code=deps.new_digits(8),
                asked_at=now,
                asked_on=None,
                expires_at=now + deps.settings.link_validity,
            )
            store.enqueue(session, deps, message)


def _empty() -> bool:
    with reading() as session:
        return store.waiting_count(session) == 0


def _open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _used(root: int | None) -> float:
    return 0.0 if root is None else sum(machine.processor_seconds(machine.tree(root)).values())


def _until(there: Callable[[], bool]) -> None:
    end = time.perf_counter() + _LIMIT
    while not there():
        if time.perf_counter() > end:
            raise RuntimeError("the mails did not leave in time")
        time.sleep(0.05)


if __name__ == "__main__":
    from tests.bench.databases import PostgreSQL

    os.nice(5)
    cluster = PostgreSQL()
    try:
        address = cluster.create(product.DATABASE)
        product.prepare(address, 100)
        print(delivered(address, int(sys.argv[1]), database=cluster.process))
    finally:
        cluster.stop()
