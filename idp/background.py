"""What the service does besides answering: one thread in each worker of `idp serve`.

Any number of workers on any number of hosts may do the same job at the same moment: guarded statements and leases make
it happen once. Nothing is lost when a worker is killed in the middle; another one finds the work where it was.
"""

from __future__ import annotations

import functools
import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask import Flask

from idp import patience, spans
from idp.audit.chain import steps as chain
from idp.deps import Deps
from idp.oidc.keys import steps as keys
from idp.oidc.keys import store as key_store
from idp.oidc.keys.keyring import Keyring
from idp.oidc.logout import sender
from idp.oidc.registration import store as clients
from idp.shared import ALL, Shared

log = logging.getLogger(__name__)
# That a run waits for the database in all: a silent network must not hold it for ever.
_PATIENCE_SECONDS = 30


@dataclass(frozen=True)
class Job:
    """every_seconds: between the end of one run and the start of the next; the first run waits as long."""

    name: str
    every_seconds: float
    work: Callable[[], object]


def jobs(deps: Deps, keyring: Keyring) -> tuple[Job, ...]:
    return (
        Job("logout", 1, lambda: sender.work(deps, keyring)),
        Job("keys", 600, lambda: keys.rotate_due(deps)),
        Job("audit", 20, lambda: chain.seal(deps)),
    )


def start(app: Flask, deps: Deps, keyring: Keyring) -> None:
    """Begin in a thread that ends with the process. keyring: the worker's, which hears of changes."""
    work = (app, jobs(deps, keyring), threading.Event())
    threading.Thread(target=run, args=work, name="background", daemon=True).start()


def listen(shared: Shared, keyring: Keyring) -> None:
    """Begin to forget at once what changed elsewhere, in a thread that ends with the process."""
    work = {"heard": functools.partial(hear, keyring), "stop": threading.Event()}
    threading.Thread(target=shared.listen, kwargs=work, name="changes", daemon=True).start()


def hear(keyring: Keyring, change: str) -> None:
    """What a worker does about a change. Whoever could announce a false one would cause a statement, and no more."""
    kind, _, which = change.partition(" ")
    if kind == clients.CHANGE:
        clients.cache.drop(which)
    elif kind == key_store.CHANGE:
        keyring.reload()
    elif kind == ALL:
        clients.cache.clear()
        keyring.reload()


def run(app: Flask, todo: Sequence[Job], stop: threading.Event) -> None:
    """Do each job when its time has come, until `stop` is set. A failing database is waited for, not died of."""
    due = {job.name: _next(job) for job in todo}
    while not stop.wait(max(0.0, min(due.values()) - time.monotonic())):
        for job in todo:
            if due[job.name] > time.monotonic():
                continue
            do(app, job)
            due[job.name] = _next(job)


def do(app: Flask, job: Job) -> None:
    """One run of a job. Its failure is logged."""
    patience.begin(_PATIENCE_SECONDS)
    try:
        with app.app_context(), spans.work(f"job {job.name}"):
            job.work()
    except Exception:
        log.exception("background job", extra={"job": job.name})
    finally:
        patience.end()


def _next(job: Job) -> float:
    # Spread, so that workers which started together do not ask the database together.
    return time.monotonic() + job.every_seconds * random.uniform(0.8, 1.2)  # noqa: S311 - not a secret
