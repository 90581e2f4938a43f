"""`idp serve`: the web service under granian, workers and request threads as the settings say.

Workers accept from sockets that outlive them (idp/cli/listening.py), so that replacing them, or the whole service where
systemd holds the socket, loses no connection. Requests are not logged here, on purpose: addresses hold single-use links and
codes. The reverse proxy logs what it should, without them (config/nginx/).
"""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from tempfile import TemporaryDirectory

import click
from flask import Flask
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from sqlalchemy.orm import configure_mappers

from idp.cli import leaving, listening
from idp.cli.context import database, light_deps
from idp.cli.output import say
from idp.database import reading
from idp.migrations import require_current
from idp.oidc.keys import store as keys
from idp.restoration.epochs.steps import require_settled
from idp.settings import Settings, load
from idp.settings_rules import host_and_port
from idp.texts import LANGUAGES, catalogue

# Requests under way when the service is told to stop may take this long; hashing a password takes the longest.
STOP_SECONDS = 15
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


@click.command()
@click.option("--stop-with-parent", is_flag=True, help="Also stop when the process that started this one ends.")
def command(stop_with_parent: bool) -> None:
    """Run the web service until it is told to stop (Ctrl-C, SIGTERM); SIGHUP replaces the workers one by one.

    Listens on `bind_host` and `bind_port`, with `workers` processes of `threads_per_worker` request threads each.
    """
    if stop_with_parent:
        die_with_parent()
    settings = load()
    with database(settings) as app:
        require_current(app)
        require_settled()
        with reading() as db:
            keys.keys(db, light_deps(settings))  # with another master secret nothing may start
    if settings.metrics_bind:
        listening.require_free(*host_and_port(settings.metrics_bind), "IDP_METRICS_BIND")
    given = listening.inherited()
    doors = [given] if given else listening.opened(settings.bind_host, settings.bind_port, settings.workers)
    say(f"idp: listening on http://{listening.address(doors[0])}, Ctrl-C stops")
    serve(settings, doors)


def serve(settings: Settings, doors: Sequence[socket.socket]) -> None:
    """Serve until SIGINT or SIGTERM; requests under way are finished. doors: sockets that listen already."""
    server = listening.DoorServer(
        doors,
        "idp.wsgi:create",
        address=settings.bind_host,
        port=settings.bind_port,
        interface=Interfaces.WSGI,
        # The reverse proxy speaks HTTP/1.1; h2c only adds ways to smuggle requests past it.
        http=HTTPModes.http1,
        websockets=False,
        workers=settings.workers,
        # People who wait for a password's turn hold a thread each, beside those that everything else is answered by.
        blocking_threads=settings.threads_per_worker + settings.hashing_concurrency + settings.hashing_queue_limit,
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_SECONDS,
        log_level=LogLevels.warning,
        log_dictconfig=_LOGGING,
        log_access=False,
    )
    _load_once()
    with _shared_metrics(settings):
        server.serve(target_loader=_worker, wrap_loader=False)


def _load_once() -> None:
    """Load the provider before the workers are forked: they begin at once, and share the memory of what never changes.

    Frozen objects are not looked at by the garbage collector, which would write to each of them and so copy its page.
    """
    gc.disable()  # two hundred thousand objects are looked through for seven hundred, which takes a twentieth of the start
    import idp.wsgi  # noqa: F401

    configure_mappers()  # SQLAlchemy's own preparation, otherwise done by each worker in its first request
    for language in LANGUAGES:
        catalogue(language)  # parsing TOML takes a sixth of what a worker does before its first answer
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)
    gc.enable()


@contextmanager
def _shared_metrics(settings: Settings) -> Iterator[None]:
    """A folder in which the workers count, if they do (idp/exporter.py); under systemd in memory (RuntimeDirectory)."""
    if not settings.metrics_bind:
        yield
        return
    with TemporaryDirectory(prefix="idp-metrics-", dir=os.environ.get("RUNTIME_DIRECTORY")) as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        yield


def _worker(door: socket.socket) -> Flask:
    """What each worker process runs first. door: that it accepts from."""
    # Until granian sets its own, a forked worker has its master's handlers, which swallow the order to stop: one that
    # is still loading would go on, and be killed with its first requests.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # A terminal sends Ctrl-C to all processes and the master then passes it on; a worker of granian 2.8 that is told
    # twice, by two different signals, hangs until it is killed.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    leaving.leave_gently(door)
    # A worker without its master would hold the port, with nobody left to stop it.
    die_with_parent()
    from idp.wsgi import create

    return create()


def die_with_parent() -> None:
    """Ask the kernel for SIGTERM when the parent process ends, however it ends. Linux only; nothing elsewhere."""
    if not sys.platform.startswith("linux"):
        return
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it ended a moment before we asked
        os.kill(os.getpid(), signal.SIGTERM)


class _Filter(logging.Filter):
    """Leaves out that there are more threads than processors: most only wait for a password's turn (`idp/turns.py`)."""

    def filter(self, record: logging.LogRecord) -> bool:
        return "Python threads" not in record.getMessage()


_LOGGING = {
    "filters": {"threads": {"()": _Filter}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "stream": "ext://sys.stderr",
            "formatter": "generic",
            "filters": ["threads"],
        }
    },
    "loggers": {"_granian": {"handlers": ["console"], "level": "WARNING", "propagate": False}},
}
