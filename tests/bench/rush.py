"""A rush of sign-ins, and what it does to portals: refresh and userinfo with and without it, in turns, on PostgreSQL.

    python -m tests.bench.rush [--seconds 8] [--turns 3] [--times 3] [IDP_HASHING_CONCURRENCY=1 …]

Wrong passwords arrive at so many times what the machine can hash, whether earlier ones were answered or not, as in a rush.
Meanwhile two portals ask at a steady pace. Told: p50 and p99 of each, their ratios, and what became of the sign-ins.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any
from urllib.parse import urlencode

import bcrypt

from idp.settings import Settings
from tests.bench import oidc, product
from tests.bench.databases import PostgreSQL
from tests.bench.oidc import Browser, Provider
from tests.bench.scenarios import Stage
from tests.bench.wire import Driver

PACE = 0.025  # seconds between two requests of a portal
PEOPLE = 200
_MANY = "100000000"
_LOGIN = "/login?client=C00000&societe=S00000"


class Probe:
    """A portal that asks again and again on one connection, and notes how long each answer took."""

    def __init__(self, port: int, ask: Callable[[http.client.HTTPConnection], None]) -> None:
        self._port = port
        self._ask = ask

    def during(self, over: threading.Event, took: list[float]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        while not over.is_set():
            began = time.perf_counter()
            self._ask(connection)
            took.append(time.perf_counter() - began)
            over.wait(max(0.0, PACE - took[-1]))
        connection.close()


def _answer(
    connection: http.client.HTTPConnection, method: str, path: str, body: str, headers: dict[str, str]
) -> bytes:
    connection.request(method, path, body or None, headers)
    answer = connection.getresponse()
    content = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{path}: {answer.status} {content[:200]!r}")
    return content


def probes(provider: Provider, stage: Stage) -> dict[str, Probe]:
    portal = provider.portals["rotating"]
    chain = [stage.user_tokens("rotating")[0]["refresh_token"]]
    access = stage.user_tokens("main")[0]["access_token"]

    def refresh(connection: http.client.HTTPConnection) -> None:
        form = urlencode({"grant_type": "refresh_token", "refresh_token": chain[0]})
        headers = {"Authorization": portal.basic, "Content-Type": "application/x-www-form-urlencoded"}
        told = json.loads(_answer(connection, "POST", provider.paths["token_endpoint"], form, headers))
        chain[0] = told["refresh_token"]

    def userinfo(connection: http.client.HTTPConnection) -> None:
        _answer(connection, "GET", provider.paths["userinfo_endpoint"], "", {"Authorization": f"Bearer {access}"})

    return {"refresh": Probe(provider.port, refresh), "userinfo": Probe(provider.port, userinfo)}


class Rush:
    """Sign-ins with a wrong password, at so many a second, each in a thread of its own."""

    def __init__(self, port: int, rate: float) -> None:
        self._port, self._rate = port, rate
        self.statuses: Counter[int] = Counter()
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("GET", _LOGIN)
        page = connection.getresponse()
        cookies = [line.partition(";")[0] for line in page.headers.get_all("Set-Cookie", [])]
        text = page.read().decode()
        connection.close()
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', text)
        assert found is not None
        self._csrf, self._cookies = found[1], "; ".join(cookies)

    def _one(self, number: int) -> None:
        form = {"csrf_token": self._csrf, "identifier": f"personne.{number}@exemple.org", "password": "Devine-Moi-1"}
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=120)
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": self._cookies}
        connection.request("POST", _LOGIN, urlencode(form), headers)
        status = connection.getresponse().status
        connection.close()
        self.statuses[status] += 1

    @contextmanager
    def going_on(self) -> Iterator[None]:
        over = threading.Event()
        threads: list[threading.Thread] = []

        def begin() -> None:
            due, number = time.perf_counter(), 0
            while not over.wait(max(0.0, due - time.perf_counter())):
                due, number = due + 1 / self._rate, number + 1
                threads.append(threading.Thread(target=self._one, args=(number,)))
                threads[-1].start()

        beginner = threading.Thread(target=begin)
        beginner.start()
        try:
            yield
        finally:
            over.set()
            beginner.join()
            for thread in threads:
                thread.join()


def _percentile(values: list[float], part: float) -> float:
    return sorted(values)[int(part * (len(values) - 1))] * 1000


def _measured(found: dict[str, Probe], seconds: float) -> dict[str, list[float]]:
    over = threading.Event()
    took: dict[str, list[float]] = {name: [] for name in found}
    threads = [threading.Thread(target=probe.during, args=(over, took[name])) for name, probe in found.items()]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    over.set()
    for thread in threads:
        thread.join()
    return took


def capacity(cost: int) -> float:
    """Passwords that this machine can hash in a second."""
    took = []
    for _ in range(3):
        began = time.thread_time()
        bcrypt.hashpw(b"x", bcrypt.gensalt(cost))
        took.append(time.thread_time() - began)
    return len(os.sched_getaffinity(0)) / median(took)


def run(seconds: float, turns: int, times: float, changes: dict[str, str]) -> dict[str, Any]:
    """Measures; returns the record."""
    database = PostgreSQL()
    try:
        url = database.create("rush")
        product.prepare(url, PEOPLE)
        running = product.start(url, IDP_THROTTLE_ACCOUNT_FREE_ATTEMPTS=_MANY, **changes)
        try:
            provider = product.described(running, database.process, PEOPLE)
            driver, browser = Driver(), Browser(provider)
            driver.do([oidc.signed_in(provider, browser, provider.portals["main"], 0)])
            found = probes(provider, Stage(provider, driver, [browser]))
            rate = times * capacity(int(changes.get("IDP_BCRYPT_COST", Settings().bcrypt_cost)))
            rush = Rush(running.port, rate)
            quiet: dict[str, list[float]] = {name: [] for name in found}
            busy: dict[str, list[float]] = {name: [] for name in found}
            for _ in range(turns):
                for name, took in _measured(found, seconds).items():
                    quiet[name] += took
                with rush.going_on():
                    time.sleep(1)
                    for name, took in _measured(found, seconds).items():
                        busy[name] += took
        finally:
            running.stop()
    finally:
        database.stop()
    record: dict[str, Any] = {"sign_ins_per_second": round(rate, 1), "statuses": dict(rush.statuses)}
    for name in found:
        for part in (0.5, 0.99):
            before, during = _percentile(quiet[name], part), _percentile(busy[name], part)
            record[f"{name} p{part * 100:.0f} ms"] = [round(before, 1), round(during, 1), round(during / before, 2)]
    return record


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--times", type=float, default=3)
    parser.add_argument("settings", nargs="*")
    given = parser.parse_args()
    changes = dict(one.split("=", 1) for one in given.settings)
    print(json.dumps(run(given.seconds, given.turns, given.times, changes), indent=2))


if __name__ == "__main__":
    main()
