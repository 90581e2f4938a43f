"""Answering Prometheus, on an address of its own that is never the public one (`metrics_bind`).

The first worker that gets the address answers for all of them: what each counted is in the folder that they share. When
it ends, another one takes the address within seconds. What is stored and not counted (the outbox, the keys) is asked
of the database at each scrape, over a connection of its own, so that an exhausted pool is seen instead of waited for.
"""

from __future__ import annotations

import errno
import logging
import os
import platform
import re
import threading
import time
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from flask import Flask
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector
from sqlalchemy import Engine, NullPool, create_engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from idp import engine as engines
from idp import metrics
from idp.database import db
from idp.deps import Deps
from idp.mail import store as mail
from idp.metric_files import SHARED
from idp.oidc.keys import store as keys
from idp.settings import Settings
from idp.settings_rules import host_and_port

log = logging.getLogger(__name__)

_PAUSE_SECONDS = 1.0
_STATEMENT_SECONDS = 2


def start(app: Flask, deps: Deps) -> None:
    """Answer scrapes as soon as the address is free, in a thread that ends with the process."""
    counted = metrics.enable()
    registry = CollectorRegistry()
    registry.register(Shared() if SHARED in os.environ else counted)
    registry.register(Stored(deps))
    with app.app_context():
        engine = db.engine
    threading.Thread(target=_run, args=(deps.settings, registry, engine), name="metrics", daemon=True).start()


def _run(settings: Settings, registry: CollectorRegistry, engine: Engine) -> None:
    host, port = host_and_port(settings.metrics_bind)
    limit = engines.connections_limit(settings.database_pool_size)
    answering = False
    while True:
        answering = answering or _take(host, port, registry)
        # Looked at now and then, as Prometheus does: counting each use would cost every request more than all the rest.
        metrics.connections(engines.connections_in_use(engine), limit)
        time.sleep(_PAUSE_SECONDS)


def _take(host: str, port: int, registry: CollectorRegistry) -> bool:
    try:
        start_http_server(port, host, registry)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            log.warning("metrics cannot be answered", extra={"error": error.strerror})
        return False
    return True


class Shared(Collector):
    """What all workers counted. A worker that is gone has no queue and no connections any more; its counts stay."""

    def __init__(self) -> None:
        self._all = MultiProcessCollector(None)  # type: ignore[no-untyped-call]
        self._folder = Path(os.environ[SHARED])

    def collect(self) -> Iterator[Any]:
        for file in self._folder.glob("gauge_live*.db"):
            pid = int(re.findall(r"\d+", file.stem)[-1])
            if not Path(f"/proc/{pid}").exists() and Path("/proc/self").exists():
                mark_process_dead(pid)  # type: ignore[no-untyped-call]
        yield from self._all.collect()  # type: ignore[no-untyped-call]


class Stored(Collector):
    """What only the database knows, and whether it and the shared memory answer this host.

    Each statement reads a few entries of an index, whatever the tables hold.
    """

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        url = deps.settings.database_url.get_secret_value()
        names = ("database_statement_timeout_seconds", "database_connect_timeout_seconds")
        hurried = deps.settings.model_copy(update=dict.fromkeys(names, _STATEMENT_SECONDS))
        connect = engines.engine_options(hurried)["connect_args"]
        if url.startswith("sqlite"):
            connect = connect | {"timeout": _STATEMENT_SECONDS}
        self._engine = create_engine(url, poolclass=NullPool, hide_parameters=True, connect_args=connect)
        engines.prepare(self._engine)

    def describe(self) -> list[Any]:
        """Nothing: without it, registering would ask the database."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        build = {"version": version("mon-compte-immobilier"), "python": platform.python_version()}
        yield _gauge("idp_build_info", "The program.", tuple(build), {tuple(build.values()): 1})
        if self._deps.shared is not None:
            text = "Whether the memory that workers share (`redis_url`) answers; absent where there is none."
            yield _gauge("idp_shared_memory_up", text, (), {(): self._deps.shared.answers()})
        try:
            with Session(self._engine) as db:
                stored = list(self._stored(db))
        except SQLAlchemyError as error:
            log.warning("metrics without database", extra={"error": type(error).__name__})
            stored = []
        yield _gauge("idp_database_up", "Whether the database answers.", (), {(): bool(stored)})
        yield from stored

    def _stored(self, db: Session) -> Iterator[GaugeMetricFamily]:
        now = self._deps.now()
        outbox = mail.standing(db, now=now)
        ages: dict[tuple[str, ...], float] = {
            (name,): (now - made).total_seconds() for name, made in keys.newest(db, now=now).items()
        }
        yield _gauge(
            "idp_outbox_mails",
            f"Mails that wait, and mails that were refused within an hour; counted to {mail.COUNTED}.",
            ("state",),
            {("queued",): outbox.queued, ("refused",): outbox.refused},
        )
        oldest = outbox.oldest.total_seconds()
        yield _gauge("idp_outbox_oldest_seconds", "Age of the oldest mail that waits; 0 for none.", (), {(): oldest})
        paused = "Domains that mails wait for, since they put mails off."
        yield _gauge("idp_mail_domains_paused", paused, (), {(): outbox.paused})
        yield _gauge("idp_signing_key_age_seconds", "Age of the key that works now.", ("algorithm",), ages)


def _gauge(name: str, text: str, labels: tuple[str, ...], values: Mapping[tuple[str, ...], float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=labels)
    for given, value in values.items():
        family.add_metric(given, value)
    return family
