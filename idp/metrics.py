"""What is counted while serving, for Prometheus. Counting decides nothing, so it is no argument of every function.

Off until `enable()`, and then cheap: a counted thing costs a microsecond or two. Labels never come from outside: they
are outcomes, states and routes of ours, and a metric that has LABEL_SETS of them puts every further one under `other`,
so that no client, person or scanner's path can make a series. Workers of one service share a folder
(PROMETHEUS_MULTIPROC_DIR), and whichever answers a scrape answers for all (idp/exporter.py).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from idp.errors import IdpError
from idp.metric_files import SHARED, MetricFiles

log = logging.getLogger(__name__)

Given = ParamSpec("Given")
Result = TypeVar("Result")

LABEL_SETS = 500
OTHER = "other"
_REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_WAIT_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")


class Meters:
    """The meters of this process, and what has been labelled so far."""

    def __init__(self, files: MetricFiles) -> None:
        # Not before: the library chooses at import whether processes share a folder, and commands do without its cost.
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self.registry = CollectorRegistry()

        def counter(name: str, text: str, *labels: str) -> Any:
            return Counter(name, text, labels, registry=self.registry)

        def gauge(name: str, text: str) -> Any:
            return Gauge(name, text, registry=self.registry, multiprocess_mode="livesum")

        def histogram(name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Any:
            return Histogram(name, text, labels, buckets=buckets, registry=self.registry)

        self.sign_ins = counter("idp_sign_ins", "Passwords typed to sign in, by what came of it.", "outcome")
        self.flow_steps = counter("idp_flow_steps", "Flows that came to a state.", "flow", "state")
        self.failures = counter("idp_failures", "Failures told to people, by number (docs/errors.md).", "code")
        self.events = counter("idp_audit_events", "Events written to the audit trail.", "event")
        self.throttled = counter("idp_throttled", "Attempts refused by a limit that was reached.", "limit")
        self.tokens = counter("idp_token_requests", "Token requests, by what came of it.", "grant_type", "outcome")
        self.hashing_waiting = gauge("idp_hashing_waiting", "Password hashes that wait for their turn.")
        self.hashing_wait = histogram("idp_hashing_wait_seconds", "How long a hash waited for its turn.", _WAIT_SECONDS)
        self.hashing_refused = counter("idp_hashing_refused", "Password hashes refused, the queue being full.")
        self.connections = gauge("idp_database_connections_in_use", "Database connections that work.")
        self.connections_limit = gauge("idp_database_connections_limit", "Database connections that may be open.")
        self.requests = histogram("idp_request_seconds", "Requests by route.", _REQUEST_SECONDS, "route", "status")
        self._labelled: dict[tuple[Any, ...], Any] = {}
        self._sets: dict[Any, int] = {}
        self._files = files
        # From the start, so that "nobody has signed in" can be told from "nothing is known".
        self.of(self.sign_ins, "succeeded")

    def of(self, meter: Any, *labels: str) -> Any:
        """The meter with these labels, remembered; past LABEL_SETS of them all share one. None: no room to count it."""
        found = self._labelled.get((meter, *labels))
        if found is None:
            count = self._sets.get(meter, 0)
            if count >= LABEL_SETS:
                labels = (OTHER,) * len(labels)
                found = self._labelled.get((meter, *labels))
        if found is None and self._files.have_room():
            self._sets[meter] = count + 1
            found = self._labelled[meter, *labels] = meter.labels(*labels)
        return found


_meters: Meters | None = None


def enable() -> Any:
    """Count from now on; returns the registry of this process. Once a process, however often it is called."""
    global _meters
    if _meters is None:
        files = MetricFiles.of_environment()
        if not files.have_room():
            from prometheus_client import CollectorRegistry

            log.error("nothing is counted: there is no room for it", extra={"setting": SHARED})
            return CollectorRegistry()
        _meters = Meters(files)
    return _meters.registry


def sign_in(step: Callable[Given, Result]) -> Callable[Given, Result]:
    """Counts what comes of a step that signs in: `succeeded`, or the failure's name in small letters."""

    @wraps(step)
    def counted(*args: Given.args, **kwargs: Given.kwargs) -> Result:
        try:
            result = step(*args, **kwargs)
        except IdpError as error:
            _count("sign_ins", outcome_of(type(error)))
            raise
        _count("sign_ins", "succeeded")
        return result

    return counted


def outcome_of(failure: type[IdpError]) -> str:
    """`WrongCredentials` -> `wrong_credentials`."""
    return _WORD.sub("_", failure.__name__).lower()


def flow_step(flow: str, state: str) -> None:
    """flow: upgrade, merge, reset. state: what it waits for now, or how it ended."""
    _count("flow_steps", flow, str(state))


def failure(code: str) -> None:
    _count("failures", code)


def event(name: str) -> None:
    _count("events", name)


def throttled(limit: str) -> None:
    """limit: what kind of limit, never whose."""
    _count("throttled", limit)


def token_request(grant_type: str, outcome: str) -> None:
    """grant_type: one of ours, or `other`. outcome: `issued`, or the error code."""
    _count("tokens", grant_type, outcome)


def connections(in_use: int, limit: int) -> None:
    """Of this process: database connections that work, and how many there may be."""
    if _meters is not None:
        _meters.connections.set(in_use)
        _meters.connections_limit.set(limit)


def hashing_waits(change: int) -> None:
    if _meters is not None:
        _meters.hashing_waiting.inc(change)


def hashing_waited(seconds: float) -> None:
    if _meters is not None:
        _meters.hashing_wait.observe(seconds)


def hashing_refused() -> None:
    if _meters is not None:
        _meters.hashing_refused.inc()


def request(route: str, status: int, seconds: float) -> None:
    """route: the rule, never the path."""
    if _meters is not None:
        meter = _meters.of(_meters.requests, route, f"{status // 100}xx")
        if meter is not None:
            meter.observe(seconds)


def _count(meter: str, *labels: str) -> None:
    if _meters is not None:
        found = _meters.of(getattr(_meters, meter), *labels)
        if found is not None:
            found.inc()
